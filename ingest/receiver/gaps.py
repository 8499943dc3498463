"""What is missing of a capture, and how much of it falls into which second."""

from __future__ import annotations

from collections import deque

_KEPT = 1_000


class Gaps:
    """The holes of a capture, as ranges of its samples; the oldest are forgotten."""

    def __init__(self, rate_hz: int) -> None:
        """Begin without any."""
        self.rate_hz = rate_hz
        self.total_samples = 0
        self.count = 0
        self._ranges: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def add(self, first: int, end: int) -> None:
        """Note that samples `first` … `end` - 1 are missing."""
        self._ranges.append((first, end))
        self.total_samples += end - first
        self.count += 1

    def missing_in(self, second: int) -> int:
        """Return how many samples of that second are missing."""
        low, high = second * self.rate_hz, (second + 1) * self.rate_hz
        return sum(max(min(end, high) - max(first, low), 0) for first, end in self._ranges)
