"""Clock time and date of group 4A (IEC 62106 clause 3.1.5.6), and when not to believe it.

Modified Julian day, hour and minute in UTC, local offset in half hours. A single wrong bit makes a
time that looks like one. It is taken only from groups that came as they were sent, all four blocks,
and within what can be: hours below 24, minutes below 60, an offset that exists on Earth (-12 to
+14 h), a day after RDS began. A second time must agree with the first and the sample clock, else it
waits for a third that confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from dsp.fm.constants import RECEIVE_RATE_HZ

_DAY_ZERO: Final = datetime(1858, 11, 17, tzinfo=UTC)
#: 1990 to 2079: the receiver has no clock of its own to compare with (`dsp` knows no time).
_FIRST_DAY: Final = 47_892
_LAST_DAY: Final = 80_000
_HALF_HOURS: Final = (-24, 28)
#: Minutes are whole and transmitters a little off.
_TOLERANCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time as sent, with the sample at the end of its group (the minute's edge ± 0.1 s)."""

    utc: datetime
    offset_half_hours: int
    sample: int

    def local(self) -> datetime:
        """Return the same moment in the local time of the station."""
        return self.utc.astimezone(timezone(timedelta(minutes=30 * self.offset_half_hours)))

    def iso(self) -> str:
        """Return the local time with its offset, RFC 3339."""
        return self.local().isoformat().replace("+00:00", "Z")


def decode_clock(b: int, c: int, d: int, sample: int) -> ClockTime | None:
    """Return the time in blocks B, C, D of a group 4A; None where it cannot be one."""
    day = (b & 0x3) << 15 | c >> 1
    hour = (c & 1) << 4 | d >> 12
    minute = d >> 6 & 0x3F
    half_hours = d & 0x1F
    if d & 0x20:
        half_hours = -half_hours
    lowest, highest = _HALF_HOURS
    sane = hour < 24 and minute < 60 and lowest <= half_hours <= highest
    if not sane or not _FIRST_DAY <= day <= _LAST_DAY:
        return None
    utc = _DAY_ZERO + timedelta(days=day, hours=hour, minutes=minute)
    return ClockTime(utc, half_hours, sample)


def agrees(one: ClockTime, other: ClockTime) -> bool:
    """Whether two times are as far apart as their samples."""
    by_clock = (other.utc - one.utc).total_seconds()
    by_samples = (other.sample - one.sample) / RECEIVE_RATE_HZ
    same_place = one.offset_half_hours == other.offset_half_hours
    return same_place and abs(by_clock - by_samples) < _TOLERANCE_S


class StationClock:
    """The time that a station sends, as far as it may be believed."""

    def __init__(self) -> None:
        self.time: ClockTime | None = None
        self._doubted: ClockTime | None = None

    def hear(self, time: ClockTime) -> bool:
        """Take a time; return whether it is shown now."""
        if self.time is None or agrees(self.time, time):
            self.time, self._doubted = time, None
            return True
        # A time zone or a clock was set anew; or it was an error after all.
        if self._doubted is not None and agrees(self._doubted, time):
            self.time, self._doubted = time, None
            return True
        self._doubted = time
        return False

    def fresh(self, now: int, age: int) -> ClockTime | None:
        """Return the time if it is at most `age` samples old."""
        return self.time if self.time is not None and now - self.time.sample <= age else None
