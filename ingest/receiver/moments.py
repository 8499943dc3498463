"""Times of samples: from an index in the capture to UTC text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dsp.fm.constants import RECEIVE_RATE_HZ


def utc_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with milliseconds: 2026-01-01T05:00:00.000Z."""
    # Rounded to the millisecond first: cutting would make 4.9999996 s the second before.
    rounded = moment.astimezone(UTC) + timedelta(microseconds=500)
    return rounded.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(start: datetime, sample: float, rate_hz: int = RECEIVE_RATE_HZ) -> datetime:
    """Return the time of a sample counted from `start`."""
    return start + timedelta(seconds=sample / rate_hz)
