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
BELIEVED_S = 10.0  # more than any delay of a network or of playing
_DOUBTS = 5  # packets in a row


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
        self._doubts = 0
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
        place = self.place_of(timestamp)
        if self._moment_s is None or self._is_doubted(arrival_s - self.moment_of(place)):
            self._place, self._moment_s, self.certain = float(place), arrival_s, False
        elif not self.certain and arrival_s < self.moment_of(place):
            self._place, self._moment_s = float(place), arrival_s

    def observe_report(
        self, timestamp: int, captured_s: float, arrival_s: float | None = None
    ) -> bool:
        """Take a sender report: `timestamp` was captured at the UTC moment `captured_s`.

        False where that is too far from its arrival. Who may send it is for SRTCP to say.
        """
        if arrival_s is not None and abs(captured_s - arrival_s) > BELIEVED_S:
            return False
        self._place, self._moment_s = float(self.place_of(timestamp)), captured_s
        self.certain = True
        return True

    def begin_source(self, timestamp: int, place: int, arrival_s: float | None = None) -> None:
        """Let a new source's `timestamp` stand at `place`.

        Moments keep their places; a source that has not reported has none: `arrival_s` stands in.
        """
        self._last_timestamp = timestamp
        self._last_ticks = Fraction(place) / self._scale
        if arrival_s is not None:
            self._place, self._moment_s, self.certain = float(place), arrival_s, False

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

    def _is_doubted(self, late_s: float) -> bool:
        """Count packets in a row that come at impossible moments; whether it is enough."""
        self._doubts = self._doubts + 1 if abs(late_s) > BELIEVED_S else 0
        if self._doubts < _DOUBTS:
            return False
        self._doubts = 0
        return True

    def _ticks(self, timestamp: int) -> Fraction:
        step = (timestamp - self._last_timestamp) % _WORD
        return self._last_ticks + (step - _WORD if step >= _HALF else step)
