"""The only reader of the wall clock.

People and schedules live on UTC, written as RFC 3339 with `Z`; intervals are taken from a clock
that never jumps. Whatever needs a time takes a `Clock`, so that a test can hand it another one.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a programme gets its time from."""

    def now_utc(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment; never runs backwards."""


class SystemClock:
    """The clocks of this machine."""

    def now_utc(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment; never runs backwards."""
        return time.monotonic()


def rfc3339(moment: datetime) -> str:
    """Write an aware `moment` as RFC 3339 in UTC: `2026-11-23T05:00:00.000Z`.

    Raises
    ------
    ValueError
        If `moment` carries no time zone: guessing one is how a schedule slips by seven hours.
    """
    if moment.tzinfo is None:
        raise ValueError(f"moment: expected a time with a zone, got {moment.isoformat()} without")
    in_utc = moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
