"""Times of samples as text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ingest.clock import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

_HALF_A_STEP = timedelta(microseconds=500)


def utc_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 with milliseconds, rounded: a sample is not cut short."""
    return rfc3339(moment + _HALF_A_STEP)
