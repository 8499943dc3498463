"""The only reader of the wall clock.

People and schedules live on UTC, written as RFC 3339 with `Z`; intervals are taken from a clock
that never jumps. Whatever needs a time takes a `Clock`, so that a test can hand it another one.
"""

from __future__ import annotations

import ctypes
import functools
import time
from datetime import UTC, datetime
from typing import Protocol

_TIMEX_BYTES = 512  # struct timex is 208 on 64-bit Linux; all zeros: change nothing
_TIME_ERROR = 5


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


def is_kernel_in_step() -> bool:
    """Tell whether the kernel's clock is led by somebody (NTP, PTP): adjtimex(2), TIME_ERROR.

    The kernel forgets it when the clock is set by hand, and after hours without a word of the
    daemon. False where the kernel cannot be asked.
    """
    try:
        state = int(_library().adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


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
