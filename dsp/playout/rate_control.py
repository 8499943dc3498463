"""In step: how fast to read so that the place read is the place the clock asks for.

A sound card's crystal is off by up to 200 ppm. The control compares the place that should be heard
now with the place that is read, and changes the rate by parts per million only: a proportional and
an integral part, so that a constant error of the crystal leaves no constant error of the place. The
rate never leaves ±`LIMIT_PPM`, which nobody hears as pitch. An error that would take too long to
work off that way is a jump, and the caller's to make, with a cross-fade.

Natural frequency 0.6 rad/s, damping 1: a crystal that is 100 ppm off costs at most
100e-6 / (0.6 · e) = 0.06 ms on the way in.
"""

from __future__ import annotations

LIMIT_PPM = 500.0
JUMP_S = 0.02
_NATURAL_RAD_PER_S = 0.6


class RateControl:
    """Rate of reading, from errors of the place."""

    def __init__(self) -> None:
        self._integral = 0.0

    @property
    def crystal_ppm(self) -> float:
        """What the control has learned of the clocks: the rate it settled at."""
        return 1e6 * self._integral

    def rate(self, error_s: float, elapsed_s: float) -> float | None:
        """Return the factor to read with until the next call, None where a jump is called for.

        Parameters
        ----------
        error_s
            Place that should be heard less the place that is read: positive is late.
        elapsed_s
            Since the last call.
        """
        if abs(error_s) > JUMP_S:
            return None
        limit = LIMIT_PPM * 1e-6
        self._integral += _NATURAL_RAD_PER_S**2 * error_s * elapsed_s
        self._integral = max(-limit, min(limit, self._integral))
        change = 2 * _NATURAL_RAD_PER_S * error_s + self._integral
        return 1.0 + max(-limit, min(limit, change))

    def reset(self) -> None:
        """Forget the crystal."""
        self._integral = 0.0
