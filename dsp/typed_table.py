"""A table out of a TOML file becomes a dataclass, every field checked against its annotation.

Files that people write by hand (profiles, stations, scenes) share one rule: every key is known. A
wrong or misspelt one is refused with the names that are allowed, because a setting that is silently
ignored is found only on the air.

Understood annotations: float (finite), int, str, bool, `Literal`, `X | None`, `tuple[X, ...]` (a
list) and dataclasses (a table). A dataclass checks ranges in `__post_init__` with ValueError.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal

_HUGE = 1e12


@dataclass(frozen=True)
class TableReader:
    """Reads tables of one kind of file.

    Parameters
    ----------
    kind
        Refusals are called "KIND.toml" (not TOML), "KIND.key" (unknown or missing key) and
        "KIND.value" (wrong type or out of range).
    """

    kind: str

    def parse(self, content: bytes) -> dict[str, Any]:
        """Return the top table of a TOML file, given as its bytes."""
        try:
            return tomllib.loads(content.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(
                f"{self.kind}.toml",
                expected="a TOML file",
                got=str(error),
                advice="mending that line",
            ) from error

    def read(self, where: str, table: Any, cls: type[Any]) -> Any:
        """Return `cls` filled from `table`; `where` names the table in a refusal."""
        if not isinstance(table, dict):
            raise self.bad_value(where, "a table", repr(table))
        hints = typing.get_type_hints(cls)
        fields = dataclasses.fields(cls)
        required = tuple(
            f.name
            for f in fields
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        )
        self.check_keys(where, table, tuple(f.name for f in fields), required)
        values = {
            key: self.convert(f"{where}.{key}", value, hints[key]) for key, value in table.items()
        }
        try:
            return cls(**values)
        except ValueError as error:
            raise self.bad_value(where, "values in range", str(error)) from error

    def convert(self, where: str, value: Any, kind: Any) -> Any:
        """Return `value` as `kind`: a number, text, a flag, a list, a table, or one of several."""
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            inner = next(a for a in arguments if a is not types.NoneType)
            return self.convert(where, value, inner)
        if origin is typing.Literal:
            if value not in arguments:
                raise self.bad_value(where, " or ".join(map(repr, arguments)), repr(value))
            return value
        if origin is tuple:
            items = enumerate(self.list_of(where, value))
            return tuple(self.convert(f"{where}[{i}]", item, arguments[0]) for i, item in items)
        if dataclasses.is_dataclass(kind):
            return self.read(where, value, typing.cast("type[Any]", kind))
        if kind is float and type(value) in (int, float) and abs(value) < _HUGE:  # no NaN, no inf
            return float(value)
        if type(value) is not kind or kind is float:
            raise self.bad_value(where, f"a finite {kind.__name__}", repr(value))
        return value

    def list_of(self, where: str, value: Any) -> list[Any]:
        """Return `value` if it is a list."""
        if not isinstance(value, list):
            raise self.bad_value(where, "a list", repr(value))
        return value

    def table_of(self, where: str, value: Any) -> dict[str, Any]:
        """Return `value` if it is a table."""
        if not isinstance(value, dict):
            raise self.bad_value(where, "a table", repr(value))
        return value

    def check_keys(
        self,
        where: str,
        table: dict[str, Any],
        allowed: tuple[str, ...],
        required: tuple[str, ...],
    ) -> None:
        """Refuse a table with a key that is not `allowed`, or without one that is `required`."""
        unknown = [key for key in table if key not in allowed]
        missing = [key for key in required if key not in table]
        if unknown or missing:
            raise Refusal(
                f"{self.kind}.key",
                expected=f"in {where}: {', '.join(allowed)}",
                got=f"unknown {unknown[0]}" if unknown else f"no {missing[0]}",
                advice="one of the names listed" if unknown else f"adding {missing[0]}",
            )

    def bad_value(self, where: str, expected: str, got: str) -> Refusal:
        """Return the refusal of one value."""
        return Refusal(
            f"{self.kind}.value",
            expected=f"{where}: {expected}",
            got=got[:200],
            advice="mending that value",
        )
