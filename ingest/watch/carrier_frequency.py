"""How far off a carrier's frequency is from where it should be by now.

An oscillator drifts while it warms up: what is learned is a frequency and its drift (a Kalman
filter of two states), and how much readings scatter. A programme does not move a reading, as no
station passes DC on (0.05 Hz in simulated receptions of speech, 2 Hz at most); where one does, the
scatter tells. What is not known yet is part of every distance: the drift of a carrier heard for a
few seconds only, a scatter estimated from a few readings (Student), and how far an oscillator has
cooled off the air.
"""

from __future__ import annotations

import math

from ingest.watch.student import as_normal

_FLOOR_HZ = 6.0  # readings of a second, however quiet the station was
_SIGMAS_A_U = 0.5  # the u of a record is expanded, k = 2
_RATE_HZ_S = 4.0  # drift of a carrier that has just come up: 150 Hz with a time constant of 40 s
_SETTLED_HZ_S = 0.1  # and of one that has been up for long
_RATE_S = 60.0  # a drift dies away with
_WANDER_HZ = 0.05  # a second, besides
_COLD_HZ = 150.0  # from cold to warm
_COOLING_S = 300.0
_WARMING_S = 40.0
_PRIOR = 6.0  # readings' worth of …
_PRIOR_HZ = 15.0  # … scatter before any was seen
_MEMORY = 300.0
_JUMP = 5.0  # σ beyond which what is learned all the same has jumped for good


class CarrierFrequency:
    """Bounded state: two estimates, their covariance, a mean square."""

    def __init__(self) -> None:
        self.count = 0
        self._hz = self._hz_s = 0.0
        self._var, self._cov, self._rate_var = 0.0, 0.0, _RATE_HZ_S**2
        self._square = 0.0  # half the mean square of differences of readings that follow each other
        self._pairs = 0.0
        self._last: tuple[int, float] | None = None

    def learn(self, second: int, hz: float, u_hz: float) -> None:
        """Take a reading, `u_hz` its expanded uncertainty, of a second that was the station's."""
        if self._last is None:
            self._hz, self._var = hz, self._noise(u_hz)
        else:
            distance = self.distance(second, hz, u_hz)
            self._scatter(second, hz)
            self._advance(second - self._last[0])
            step = hz - self._hz
            if distance is not None and abs(distance) > _JUMP:
                self._var += step**2
            gain, rate_gain = self._var, self._cov
            total = self._var + self._noise(u_hz)
            self._hz += gain / total * step
            self._hz_s += rate_gain / total * step
            self._rate_var -= rate_gain**2 / total
            self._var -= gain**2 / total
            self._cov -= gain * rate_gain / total
        self._last = second, hz
        self.count += 1

    def cooled(self, seconds: float) -> None:
        """Take that the carrier was off for so long: it may come back elsewhere, and drift."""
        cold_hz = _COLD_HZ * -math.expm1(-seconds / _COOLING_S)
        self._var += cold_hz**2
        self._rate_var += (cold_hz / _WARMING_S) ** 2

    def expected(self, second: int, u_hz: float) -> tuple[float, float]:
        """Return where a reading of `second` should be, and its standard deviation."""
        assert self._last is not None
        seconds = max(second - self._last[0], 0)
        reach_s = -_RATE_S * math.expm1(-seconds / _RATE_S)
        var = self._var + 2.0 * reach_s * self._cov + reach_s**2 * self._rate_var
        return self._hz + reach_s * self._hz_s, math.sqrt(
            max(var, 0.0) + _WANDER_HZ**2 * seconds + self._noise(u_hz)
        )

    def distance(self, second: int, hz: float, u_hz: float) -> float | None:
        """Return how far off a reading is, in standard deviations of a normal law.

        None while nothing was learned.
        """
        if self._last is None:
            return None
        expected_hz, sigma_hz = self.expected(second, u_hz)
        return as_normal((hz - expected_hz) / sigma_hz, self._pairs + _PRIOR)

    def _noise(self, u_hz: float) -> float:
        """Return the variance of a reading."""
        square = self._pairs * self._square + _PRIOR * _PRIOR_HZ**2
        return square / (self._pairs + _PRIOR) + _FLOOR_HZ**2 + (_SIGMAS_A_U * u_hz) ** 2

    def _scatter(self, second: int, hz: float) -> None:
        """Learn how readings scatter: neighbours differ by that, whatever the drift."""
        assert self._last is not None
        if second - self._last[0] == 1:
            self._pairs = min(self._pairs + 1.0, _MEMORY)
            self._square += (0.5 * (hz - self._last[1]) ** 2 - self._square) / self._pairs

    def _advance(self, seconds: int) -> None:
        """Move the estimates on."""
        left = math.exp(-seconds / _RATE_S)
        reach_s = _RATE_S * (1.0 - left)
        self._var += 2.0 * reach_s * self._cov + reach_s**2 * self._rate_var
        self._var += _WANDER_HZ**2 * seconds
        self._cov = left * (self._cov + reach_s * self._rate_var)
        self._rate_var = left**2 * self._rate_var + (1.0 - left**2) * _SETTLED_HZ_S**2
        self._hz += reach_s * self._hz_s
        self._hz_s *= left
