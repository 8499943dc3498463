"""UTC that does not jump: the monotonic clock, led by the wall clock.

NTP corrects by slewing; administrators, batteries and time zones by steps. A difference of up to
`BELIEVED_S` is followed at 500 ppm at most. A larger one is a step of the wall clock: it is
believed after it has stood for `PROBATION_S`, because a clock that was wrong at the start must be
mendable, and a clock that is wrong for a moment must not be heard.

Two clocks cannot be read at once: a machine that is busy may stop in between, for 4 to 15 ms. Such
a look says nothing of their difference and is left out.
"""

from __future__ import annotations

from ingest.clock import Clock

BELIEVED_S = 1.0
PROBATION_S = 60.0
_SLEW = 500e-6
_TOGETHER_S = 1e-3
_TRIES = 8


class SteadyClock:
    """A time of day in seconds since 1970, for playing in step.

    Attributes
    ----------
    steps
        How many steps of the wall clock were believed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        took_s, now_s, utc_s = self._look()
        for _ in range(_TRIES):
            if took_s <= _TOGETHER_S:
                break
            took_s, now_s, utc_s = min((took_s, now_s, utc_s), self._look())
        self._looked_s = now_s
        self._offset_s = utc_s - now_s
        self._doubted_since_s: float | None = None
        self._doubted_s = 0.0
        self.steps = 0

    def at(self, monotonic_s: float) -> float:
        """Return the time of day of a monotonic moment near now."""
        return self.utc_s() - self._looked_s + monotonic_s

    def utc_s(self) -> float:
        """Return the time of day."""
        took_s, now_s, utc_s = self._look()
        if took_s <= _TOGETHER_S:
            self._follow(now_s, utc_s - (now_s + self._offset_s))
        self._looked_s = now_s
        return now_s + self._offset_s

    def _follow(self, now_s: float, wrong_s: float) -> None:
        if abs(wrong_s) <= BELIEVED_S:
            self._doubted_since_s = None
            most_s = _SLEW * (now_s - self._looked_s)
            self._offset_s += max(-most_s, min(most_s, wrong_s))
        elif self._doubted_since_s is None or abs(wrong_s - self._doubted_s) > BELIEVED_S:
            # Another wrong time than before: a clock that hops about is not believed at all.
            self._doubted_since_s, self._doubted_s = now_s, wrong_s
        elif now_s - self._doubted_since_s >= PROBATION_S:
            self._offset_s += wrong_s
            self._doubted_since_s = None
            self.steps += 1

    def _look(self) -> tuple[float, float, float]:
        """Return how long a look took, its middle by the monotonic clock, and the time of day."""
        before_s = self._clock.monotonic_s()
        utc_s = self._clock.now_utc().timestamp()
        took_s = self._clock.monotonic_s() - before_s
        return took_s, before_s + took_s / 2, utc_s
