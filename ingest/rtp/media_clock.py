"""Which moment a place in the stream is: sender reports tie RTP timestamps to the sender's UTC.

Places count samples over wraps of the 32-bit timestamps and changes of SSRC (`begin_source`). A
sender report says "this timestamp was captured at this NTP time"; the newest
one holds. Before the first, the arrival of the earliest packet stands in for it: good enough to
speak, not to speak in step, and `certain` says so.
"""

from __future__ import annotations

from fractions import Fraction

_WORD = 1 << 32
_HALF = 1 << 31


class MediaClock:
    """Places, timestamps and moments of one stream.

    Parameters
    ----------
    clock_hz, rate_hz
        Of RTP timestamps and of samples.
    """

    def __init__(self, clock_hz: int, rate_hz: int) -> None:
        self._scale = Fraction(rate_hz, clock_hz)
        self.rate_hz = rate_hz
        self._last_timestamp = 0
        self._last_ticks = Fraction(0)
        self._place = 0.0
        self._moment_s: float | None = None
        self.certain = False

    def place_of(self, timestamp: int) -> int:
        """Return the place of a timestamp of 32 bits, near the newest one."""
        return round(self._ticks(timestamp) * self._scale)

    def follow(self, timestamp: int) -> None:
        """Take `timestamp` as the newest; wraps are counted from here."""
        ticks = self._ticks(timestamp)
        self._last_timestamp, self._last_ticks = timestamp, ticks

    def observe_arrival(self, timestamp: int, arrival_s: float) -> None:
        """Let an arrival stand in for a report: the earliest of them, no report having come."""
        if self.certain:
            return
        place = self.place_of(timestamp)
        if self._moment_s is None or arrival_s < self.moment_of(place):
            self._place, self._moment_s = float(place), arrival_s

    def observe_report(self, timestamp: int, captured_s: float) -> None:
        """Take a sender report: `timestamp` was captured at the UTC moment `captured_s`.

        Who may send it is for SRTCP to say; a moment that is absurd is for the caller to refuse.
        """
        self._place, self._moment_s = float(self.place_of(timestamp)), captured_s
        self.certain = True

    def begin_source(self, timestamp: int, place: int) -> None:
        """Let a new source's `timestamp` stand at `place`; moments keep their places."""
        self._last_timestamp = timestamp
        self._last_ticks = Fraction(place) / self._scale

    @property
    def known(self) -> bool:
        """Whether places have moments."""
        return self._moment_s is not None

    def moment_of(self, place: float) -> float:
        """Return the UTC moment, in s, at which the sample at `place` was captured."""
        assert self._moment_s is not None
        return self._moment_s + (place - self._place) / self.rate_hz

    def place_at(self, moment_s: float) -> float:
        """Return the place that was captured at a UTC moment."""
        assert self._moment_s is not None
        return self._place + (moment_s - self._moment_s) * self.rate_hz

    def _ticks(self, timestamp: int) -> Fraction:
        step = (timestamp - self._last_timestamp) % _WORD
        return self._last_ticks + (step - _WORD if step >= _HALF else step)
