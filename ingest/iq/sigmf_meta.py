"""SigMF metadata, read as what they are: a file from somebody else.

Only the fields that a capture needs are looked at (SigMF 1.x, "core" namespace): datatype,
sample_rate, num_channels, and of the captures frequency, datetime, sample_start, global_index and
header_bytes. The size of the file bounds everything: annotations, a billion or none, are never
looked at. All captures must be at one frequency: where they are not, the second one is another
band. Where a later capture begins later than the samples before it last, samples are missing: by
core:global_index where both have one, otherwise by their times.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ingest.iq import refusals

MOST_BYTES = 8 * 1024 * 1024
_DATATYPES = {
    "cu8": "cu8",
    "ci8": "cs8",
    "ci16_le": "cs16",
    "ci16_be": "cs16_be",
    "cf32_le": "cf32",
}
_MOST_CAPTURES = 10_000
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
# Times of captures are often whole milliseconds; what they tell within this is no hole.
_CLOCK_S = 2e-3
_LONGEST_HOLE_S = 86_400.0


@dataclass(frozen=True)
class CaptureStart:
    """Where one capture of a recording begins: in the file, in the stream, in time."""

    sample_start: int
    global_index: int | None
    time_utc: datetime | None


@dataclass(frozen=True)
class SigmfMeta:
    """What the metadata say of a recording of one band."""

    encoding: str
    rate_hz: int | None
    centre_hz: float | None
    start_utc: datetime | None
    header_bytes: int
    dataset: str | None
    captures: tuple[CaptureStart, ...] = ()

    def holes(self, rate_hz: int) -> list[tuple[int, int]]:
        """Return where samples are missing: (place in the file, how many), in order.

        Raises
        ------
        Refusal
            iq.sigmf where a stream goes backwards, or a hole is longer than a day.
        """
        found = []
        for before, after in pairwise(self.captures):
            missing = _missing_between(before, after, rate_hz)
            if missing > _LONGEST_HOLE_S * rate_hz:
                raise refusals.sigmf("captures of one day", f"a hole of {missing} samples")
            if missing:
                found.append((after.sample_start - self.captures[0].sample_start, missing))
        return found


def _missing_between(before: CaptureStart, after: CaptureStart, rate_hz: int) -> int:
    there = after.sample_start - before.sample_start
    if before.global_index is not None and after.global_index is not None:
        missing = after.global_index - before.global_index - there
        if missing < 0:
            raise refusals.sigmf("core:global_index that goes on with the samples", "one behind")
        return missing
    if before.time_utc is None or after.time_utc is None:
        return 0
    late_s = (after.time_utc - before.time_utc).total_seconds() - there / rate_hz
    return round(late_s * rate_hz) if late_s > _CLOCK_S else 0


def parse_sigmf(content: bytes) -> SigmfMeta:
    """Return what the bytes of a .sigmf-meta file say.

    Raises
    ------
    Refusal
        iq.sigmf for what is too large, no JSON, of a wrong type or out of range.
    """
    if len(content) > MOST_BYTES:
        raise refusals.sigmf(f"at most {MOST_BYTES} bytes of metadata", "more")
    try:
        # A number of a million digits takes its time to read, and no field of ours is that long.
        document = json.loads(content, parse_int=_short_int, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refusals.sigmf("JSON", str(error)) from None
    whole = _table("the file", document)
    general = _table("global", whole.get("global"))
    captures = whole.get("captures", [])
    if not isinstance(captures, list) or len(captures) > _MOST_CAPTURES:
        raise refusals.sigmf(f"a list of at most {_MOST_CAPTURES} captures", _brief(captures))
    tables = [_table("captures", capture) for capture in captures] or [{}]
    _require_one_band(tables)
    return SigmfMeta(
        encoding=_encoding(general),
        rate_hz=_rate_hz(general.get("core:sample_rate")),
        centre_hz=_number("core:frequency", tables[0].get("core:frequency")),
        start_utc=_moment(tables[0].get("core:datetime")),
        header_bytes=_count("core:header_bytes", tables[0].get("core:header_bytes", 0)),
        dataset=_dataset(general.get("core:dataset")),
        captures=tuple(_capture_start(table) for table in tables),
    )


def _capture_start(table: dict[str, Any]) -> CaptureStart:
    index = table.get("core:global_index")
    return CaptureStart(
        sample_start=_count("core:sample_start", table.get("core:sample_start", 0)),
        global_index=None if index is None else _count("core:global_index", index),
        time_utc=_moment(table.get("core:datetime")),
    )


def _encoding(general: dict[str, Any]) -> str:
    if general.get("core:num_channels", 1) != 1:
        raise refusals.sigmf("core:num_channels 1", _brief(general["core:num_channels"]))
    datatype = general.get("core:datatype")
    encoding = _DATATYPES.get(datatype) if isinstance(datatype, str) else None
    if encoding is None:
        raise refusals.sigmf(f"core:datatype {', '.join(_DATATYPES)}", _brief(datatype))
    return encoding


def _rate_hz(value: Any) -> int | None:
    number = _number("core:sample_rate", value)
    if number is None:
        return None
    if number <= 0 or number != round(number):
        raise refusals.sigmf("core:sample_rate, a whole number above 0", _brief(value))
    return round(number)


def _require_one_band(tables: list[dict[str, Any]]) -> None:
    frequencies = {_number("core:frequency", table.get("core:frequency")) for table in tables}
    if len(frequencies) > 1:
        raise refusals.sigmf("captures at one frequency", f"{len(frequencies)} frequencies")
    starts = [_count("core:sample_start", table.get("core:sample_start", 0)) for table in tables]
    if starts != sorted(starts):
        raise refusals.sigmf("captures in order of core:sample_start", "another order")
    if any(_count("core:header_bytes", t.get("core:header_bytes", 0)) for t in tables[1:]):
        raise refusals.sigmf("core:header_bytes in the first capture only", "in later ones too")


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refusals.sigmf(f"an object for {where}", _brief(value))
    return value


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > 1e13:
        raise refusals.sigmf(f"{name}, a number", _brief(value))
    return float(value)


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise refusals.sigmf(f"{name}, a count", _brief(value))
    return value


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    return moment.astimezone(UTC)


def _dataset(value: Any) -> str | None:
    if value is None:
        return None
    # A name beside the metadata, never a way to somewhere else on this machine.
    if (
        not isinstance(value, str)
        or not value
        or value.startswith(".")
        or set(value) & set("/\\\0")
    ):
        raise refusals.sigmf("core:dataset, a file name", _brief(value))
    return value


def _brief(value: Any) -> str:
    return repr(value)[:60] if not isinstance(value, (list, dict)) else type(value).__name__


def _short_int(text: str) -> int:
    if len(text) > 30:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text}, which JSON does not know")
