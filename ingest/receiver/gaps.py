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
        return sum(high - low for low, high in self._holes_in(second))

    def present_in(self, second: int) -> list[tuple[float, float]]:
        """Return the parts of that second that are there, as shares of it."""
        parts, at = [], second * self.rate_hz
        start, end = at, at + self.rate_hz
        for low, high in self._holes_in(second):
            if low > at:
                parts.append((at, low))
            at = high
        if at < end:
            parts.append((at, end))
        return [((a - start) / self.rate_hz, (b - start) / self.rate_hz) for a, b in parts]

    def _holes_in(self, second: int) -> list[tuple[int, int]]:
        start, end = second * self.rate_hz, (second + 1) * self.rate_hz
        holes = [(max(low, start), min(high, end)) for low, high in self._ranges]
        return [(low, high) for low, high in holes if high > low]
