"""The reader of SCENE.toml: typed tables whose fields also carry their ranges.

`number` and `text` say the range beside the field; what does not fit is refused with key, value and
range. Times carry a zone; a whole number may be written as 2.4e6.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from datetime import UTC, datetime
from typing import Any

from dsp.errors import Refusal
from dsp.typed_table import TableReader

_RANGE = "range"


def number(low: float, high: float, **more: Any) -> Any:
    """Return a dataclass field for a number within low … high; `default=` as usual."""
    return dataclasses.field(metadata={_RANGE: (low, high)}, **more)


def text(longest: int, **more: Any) -> Any:
    """Return a dataclass field for printable text of at most `longest` characters."""
    return dataclasses.field(metadata={_RANGE: (0, longest)}, **more)


class SceneReader(TableReader):
    """A `TableReader` that checks the ranges of `number` and `text` fields."""

    def read(self, where: str, table: Any, cls: type[Any]) -> Any:
        """Return `cls` filled from `table`; `where` names the table in a refusal."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        tables = self.table_of(where, table)
        self.check_keys(where, tables, tuple(fields), _required(fields))
        hints = typing.get_type_hints(cls)
        values = {}
        for key, value in tables.items():
            limits = fields[key].metadata.get(_RANGE)
            if limits is not None and "float" in str(hints[key]):
                self._check_number(f"{where}.{key}", value, limits)
            values[key] = self.convert(f"{where}.{key}", value, hints[key])
            if limits is not None:
                self._check_range(f"{where}.{key}", values[key], limits)
        return cls(**values)

    def convert(self, where: str, value: Any, kind: Any) -> Any:
        """Return `value` as `kind`; see `TableReader.convert`."""
        if kind is datetime:
            return self._time(where, value)
        if kind is int and type(value) is float and value == math.floor(value):
            return int(value)
        wanted = {int: "a whole number", bool: "true or false", str: "text"}.get(kind)
        if wanted is not None and type(value) is not kind:
            raise self.bad_value(where, wanted, value)
        return super().convert(where, value, kind)

    def bad_value(self, where: str, expected: str, got: object) -> Refusal:
        """Return the refusal of one value, printable and on one line."""
        shown = got if isinstance(got, str) and got[:1] in "'\"[{" else repr(got)
        plain = "".join(c if c.isprintable() else "?" for c in shown)
        return super().bad_value(where, expected, plain if len(plain) < 120 else plain[:117] + "…")

    def _check_number(self, where: str, value: Any, limits: tuple[float, float]) -> None:
        """Say the range already where the value is no number at all."""
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.bad_value(where, f"a number within {_shown(limits)}", value)

    def _check_range(self, where: str, value: Any, limits: tuple[float, float]) -> None:
        low, high = limits
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, str) and (len(item) > high or not item.isprintable()):
                raise self.bad_value(where, f"at most {high} printable characters", item)
            if isinstance(item, (int, float)) and not low <= item <= high:
                raise self.bad_value(where, f"within {_shown(limits)}", item)

    def _time(self, where: str, value: Any) -> datetime:
        """Return an aware time in UTC, from a TOML time or its text."""
        moment = value
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                moment = None
        if type(moment) is not datetime or moment.tzinfo is None:
            raise self.bad_value(where, "a time with its zone as 2026-01-01T05:00:00Z", value)
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
