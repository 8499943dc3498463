"""A commune's clock: local days and times as moments in UTC, with or without summer time.

Vietnam has none; the rules for zones that do are those of PEP 495: a time that does not exist comes
as much later as the clocks leapt, one that exists twice is the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone; raises ValueError where there is none of that name."""
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            pass
    raise ValueError(f"time_zone: expected a name such as Asia/Ho_Chi_Minh, got {name[:80]!r}")


def moment_ms(day: date, at: time, zone: ZoneInfo) -> int:
    """Return the moment in milliseconds since 1970, UTC."""
    return ms_of(datetime.combine(day, at, tzinfo=zone))


def ms_of(moment: datetime) -> int:
    """Return an aware moment in milliseconds since 1970."""
    # In UTC first: between two times of one zone Python takes the difference of their clock faces.
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def utc_of(moment_ms: int) -> datetime:
    """Return the moment of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=moment_ms)


def local_days(begin_ms: int, end_ms: int, zone: ZoneInfo) -> Iterator[date]:
    """Give the local days that touch begin … end."""
    day = utc_of(begin_ms).astimezone(zone).date()
    last = utc_of(end_ms).astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
