"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self):
        self.elapsed_s = 0.0

    def now_utc(self):
        return EPOCH + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self):
        return 1_000.0 + self.elapsed_s

    def advance(self, seconds):
        self.elapsed_s += seconds
