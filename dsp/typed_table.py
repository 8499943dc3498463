"""A table out of a TOML file becomes a dataclass, every field checked against its annotation.

Files that people write by hand (profiles, stations, scenes) share one rule: every key is known. A
wrong or misspelt one is refused with the names that are allowed, because a setting that is silently
ignored is found only on the air.

Understood annotations: float (finite), int (also written as 2.4e6), str, bool, datetime (with its
zone; it becomes UTC), `Literal`, `X | None`, `tuple[X, ...]` (a list) and dataclasses (a table).

Ranges stand beside the field, as `number(low, high)` or `text(longest)`, and are refused with key,
value and range; what else a dataclass checks is a ValueError of its `__post_init__`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import tomllib
import types
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from dsp.errors import Refusal

_HUGE = 1e12
_RANGE = "range"
_LONGEST_SHOWN = 200
_Table = TypeVar("_Table")
# Resolving a class's annotations is two thirds of the work on a small file.
_annotations_of = functools.cache(typing.get_type_hints)
_WORDS: dict[object, str] = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "text",
}


def number(low: float, high: float, **more: Any) -> Any:
    """Return a dataclass field for a number within low … high; `default=` as usual."""
    return dataclasses.field(metadata={_RANGE: (low, high)}, **more)


def text(longest: int, **more: Any) -> Any:
    """Return a dataclass field for printable text of at most `longest` characters."""
    return dataclasses.field(metadata={_RANGE: (0, longest)}, **more)


@dataclass(frozen=True)
class TableReader:
    """Reads tables of one kind of file.

    Parameters
    ----------
    kind
        Refusals are called "KIND.missing" (no file), "KIND.toml" (not TOML), "KIND.key" (unknown
        or missing key) and "KIND.value" (wrong type or out of range).
    most_bytes
        Longer files are refused: nobody writes them by hand.
    """

    kind: str
    most_bytes: int = 100_000

    def load(
        self,
        path: Path,
        wanted: str,
        advice: str = "checking the spelling of the path",
    ) -> bytes:
        """Return the bytes of the file at `path`; `wanted` says what one would give instead.

        Raises
        ------
        Refusal
            "KIND.missing" where it can't be read, "KIND.value" where it is too long.
        """
        try:
            with path.open("rb") as file:
                content = file.read(self.most_bytes + 1)
        except (OSError, ValueError) as error:  # a ValueError: a NUL in the path
            raise Refusal(
                f"{self.kind}.missing",
                expected=wanted,
                got=f"{str(path)[:_LONGEST_SHOWN]}: {getattr(error, 'strerror', None) or error}",
                advice=advice,
            ) from error
        if len(content) > self.most_bytes:
            raise self.bad_value(path.name, f"at most {self.most_bytes} bytes", "more than that")
        return content

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

    def read(self, where: str, table: Any, cls: type[_Table]) -> _Table:
        """Return `cls` filled from `table`; `where` names the table in a refusal."""
        if not isinstance(table, dict):
            raise self.bad_value(where, "a table", repr(table))
        declaration = typing.cast("Any", cls)
        hints, declared = _annotations_of(declaration), dataclasses.fields(declaration)
        fields = {field.name: field for field in declared if field.init}
        self.check_keys(where, table, tuple(fields), _required(fields))
        values = {}
        for key, value in table.items():
            limits = fields[key].metadata.get(_RANGE)
            if limits is not None and hints[key] in {float, float | None}:
                self._check_number(f"{where}.{key}", value, limits)
            values[key] = self.convert(f"{where}.{key}", value, hints[key])
            if limits is not None:
                self._check_range(f"{where}.{key}", values[key], limits)
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
        return self._scalar(where, value, kind)

    def _scalar(self, where: str, value: Any, kind: Any) -> Any:
        """Return `value` as a number, text, a flag or a time."""
        if kind is float and type(value) in (int, float) and abs(value) < _HUGE:  # no NaN, no inf
            return float(value)
        if kind is datetime:
            return self._time(where, value)
        if kind is int and type(value) is float and value.is_integer():
            return int(value)
        if type(value) is not kind or kind is float:
            raise self.bad_value(where, _WORDS.get(kind, f"a {kind.__name__}"), repr(value))
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
        """Return the refusal of one value, printable and on one line."""
        plain = "".join(c if c.isprintable() else "?" for c in got)
        return Refusal(
            f"{self.kind}.value",
            expected=f"{where}: {expected}",
            got=plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 1] + "…",
            advice="mending that value",
        )

    def _check_number(self, where: str, value: Any, limits: tuple[float, float]) -> None:
        """Say the range already where the value is no number at all."""
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.bad_value(where, f"a number within {_shown(limits)}", repr(value))

    def _check_range(self, where: str, value: Any, limits: tuple[float, float]) -> None:
        low, high = limits
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, str) and (len(item) > high or not item.isprintable()):
                raise self.bad_value(where, f"at most {high} printable characters", repr(item))
            if isinstance(item, (int, float)) and not low <= item <= high:
                raise self.bad_value(where, f"within {_shown(limits)}", repr(item))

    def _time(self, where: str, value: Any) -> datetime:
        """Return an aware time in UTC, from a TOML time or its text."""
        moment = value
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                moment = None
        if type(moment) is not datetime or moment.tzinfo is None:
            raise self.bad_value(where, "a time with its zone as 2026-01-01T05:00:00Z", repr(value))
        return moment.astimezone(UTC)


def _required(fields: dict[str, dataclasses.Field[Any]]) -> tuple[str, ...]:
    missing = dataclasses.MISSING
    return tuple(
        name
        for name, field in fields.items()
        if field.default is missing and field.default_factory is missing
    )


def _shown(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} … {limits[1]:g}"
