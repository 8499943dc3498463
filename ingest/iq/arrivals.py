"""Samples against the clock: what was lost on the way, and by how much the sample clock is off.

A buffer that arrives at time t brings the count of samples to n; t - n / rate grows by whatever was
lost before it. Single arrivals are late by anything (USB, scheduling, a busy machine) but never
early, and a delayed one has others right behind it: the *earliest* of `WINDOW_S` tells the truth,
unless a backlog is just being worked off, which shows in arrivals faster than samples are made.
When the earliest steps by more than `STEP_S`, samples are missing, as many as the step is long.
What moves slowly is the sample clock: it is followed, so that a day of drift is no gap, and its
error in ppm comes from the earliest arrivals of some minutes.

Sans I/O: it is told counts and times.
"""

from __future__ import annotations

from collections import deque

WINDOW_S = 0.7
STEP_S = 0.008
_PACED_ARRIVALS = 3
_PACE = 0.4  # of a buffer's own length: nearer together is a backlog
_FASTEST_DRIFT = 1e-3
_BIN_S = 4.0
_BINS = 64
_LEAST_BINS = 4


class ArrivalClock:
    """Follows one stream of buffers at `rate_hz`.

    `unit` is the length of the driver's buffers where it loses only whole ones: a step that is
    nearly a multiple of it is taken for one.
    """

    def __init__(self, rate_hz: int, unit: int = 0) -> None:
        self.rate_hz = rate_hz
        self._unit = unit
        self._count = 0
        self._first_s: float | None = None
        self._last_s = self._followed_s = 0.0
        self._lateness_s = 0.0  # of the earliest arrivals
        self._recent: deque[tuple[float, float]] = deque()
        self._paced = 0
        self._broken = False
        self._bins: deque[tuple[float, float]] = deque(maxlen=_BINS)
        self._bin: tuple[float, float] | None = None

    @property
    def ppm(self) -> float | None:
        """How much faster than stated the samples come; None before it can be known."""
        if len(self._bins) < _LEAST_BINS:
            return None
        mean_t = sum(t for t, _ in self._bins) / len(self._bins)
        mean_l = sum(late for _, late in self._bins) / len(self._bins)
        over = sum((t - mean_t) * (late - mean_l) for t, late in self._bins)
        return -1e6 * over / sum((t - mean_t) ** 2 for t, _ in self._bins)

    def time_s(self, index: int) -> float:
        """Return when sample `index` was taken, on the clock of the arrivals."""
        return (self._first_s or 0.0) + self._lateness_s + index / self.rate_hz

    def broke(self) -> None:
        """Say that the stream was interrupted: the next arrival tells at once by how much."""
        self._broken = True

    def arrived(self, count: int, now_s: float, known_missing: int = 0) -> int:
        """Take a buffer of `count` samples; return how many were missing before it.

        `known_missing` were counted as lost by whoever dropped them; the answer includes them.
        """
        if self._first_s is None:
            # The buffer's first sample was taken its own length before it arrived.
            self._first_s = now_s - count / self.rate_hz
            self._last_s = self._followed_s = now_s
        self._count += known_missing + count
        late_s = now_s - self._first_s - self._count / self.rate_hz
        paced = now_s - self._last_s >= _PACE * count / self.rate_hz
        self._paced = self._paced + 1 if paced else 0
        self._last_s = now_s
        self._recent.append((now_s, late_s))
        while self._recent[0][0] < now_s - WINDOW_S:
            self._recent.popleft()
        if self._broken:
            self._broken = False
            return known_missing + self._step(late_s)
        earliest_s = min(late for _, late in self._recent)
        off_s = earliest_s - self._lateness_s
        spans = now_s - self._recent[0][0] >= 0.8 * WINDOW_S
        if off_s > STEP_S:
            certain = spans and self._paced >= _PACED_ARRIVALS
            return known_missing + (self._step(earliest_s) if certain else 0)
        if off_s < 0 or spans:
            # Down at once: nothing is ever early. Up no faster than a sample clock can drift.
            self._lateness_s += min(off_s, _FASTEST_DRIFT * (now_s - self._followed_s))
            self._followed_s = now_s
            self._gather(now_s, earliest_s)
        return known_missing

    def _step(self, late_s: float) -> int:
        missing = max(0, round((late_s - self._lateness_s) * self.rate_hz))
        if self._unit:
            whole = round(missing / self._unit) * self._unit
            near = max(0.002 * self.rate_hz, 0.02 * whole)
            missing = whole if abs(whole - missing) < near and whole else missing
        self._count += missing
        self._lateness_s = late_s - missing / self.rate_hz
        self._recent.clear()
        self._paced = 0
        return missing

    def _gather(self, now_s: float, earliest_s: float) -> None:
        """Keep the earliest arrival of every four seconds, for the error of the sample clock."""
        if self._bin is None or now_s >= self._bin[0] + _BIN_S:
            if self._bin is not None:
                self._bins.append(self._bin)
            self._bin = (now_s, earliest_s)
        else:
            self._bin = (self._bin[0], min(self._bin[1], earliest_s))
