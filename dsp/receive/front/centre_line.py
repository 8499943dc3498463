"""The receiver's own DC, taken off a station that lies over the centre of the capture.

Elsewhere the channel filter removes it. Over the centre a plain mean would not do: the carrier of a
station tuned to the centre is DC too, in a pause for seconds, and would be eaten. But an FM signal
has a constant envelope: it runs round a circle, and DC is where the centre of that circle lies. The
circle that fits best is a linear regression of |u|² on Re u and Im u (Kåsa 1976), whatever part of
it is visited how often; for noise alone it gives the mean. Where too little of the circle is
visited (a bare carrier that stands still) it is undetermined: then the last value stays, and
nothing is ever eaten.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.kernel import kernel, ready

MEMORY_S = 2.0
LEAST_ROUND = 0.4  # smaller variance over half the total: 1 is a circle run through evenly
LARGEST = 0.25  # of the station's amplitude; more than that is a station

F32 = types.float32
F64 = types.float64
PAIRS = types.Array(F32, 1, "A")
TALLY = types.Array(F64, 1, "C")

_TURN = RECEIVE_RATE_HZ * 1_000
_TILE = 256


@kernel(
    types.void(types.Array(F32, 1, "A", readonly=True), F64, F64, TALLY),
)
def add_circle_sums(pairs, start, step, tally):
    """Add n, Σu, Σ|u|², Σu², Σ|u|²u of `pairs` turned by start + i step (turns) to `tally` (7,)."""
    turn_re, turn_im = np.cos(2 * np.pi * step), np.sin(2 * np.pi * step)
    for first in range(0, pairs.shape[0] // 2, _TILE):
        count = min(_TILE, pairs.shape[0] // 2 - first)
        angle = 2 * np.pi * (start + first * step)
        c, s = np.cos(angle), np.sin(angle)
        for i in range(first, first + count):
            x, y = pairs[2 * i], pairs[2 * i + 1]
            u, v = x * c - y * s, x * s + y * c
            c, s = c * turn_re - s * turn_im, c * turn_im + s * turn_re
            w = u * u + v * v
            tally[1] += u
            tally[2] += v
            tally[3] += u * u
            tally[4] += v * v
            tally[5] += u * v
            tally[6] += w * u
            tally[7] += w * v
        tally[0] += count


@kernel(types.void(PAIRS, F64, F64, F64, F64))
def subtract_line(pairs, re, im, start, step):
    """Take the line re + j im, turned by start + i step (turns), off `pairs` in place."""
    turn_re, turn_im = np.cos(2 * np.pi * step), np.sin(2 * np.pi * step)
    for first in range(0, pairs.shape[0] // 2, _TILE):
        count = min(_TILE, pairs.shape[0] // 2 - first)
        angle = 2 * np.pi * (start + first * step)
        c, s = np.cos(angle), np.sin(angle)
        for i in range(first, first + count):
            pairs[2 * i] -= np.float32(re * c - im * s)
            pairs[2 * i + 1] -= np.float32(re * s + im * c)
            c, s = c * turn_re - s * turn_im, c * turn_im + s * turn_re


class CentreLine:
    """Finds and removes the line of one station, in place, step by step."""

    def __init__(self, station: int, offset_hz: float) -> None:
        """Begin without an estimate for the station at `offset_hz` from the centre."""
        ready(add_circle_sums, subtract_line)
        self.station = station
        self._offset = round(offset_hz * 1_000)
        self.reset()

    def reset(self) -> None:
        """Forget the capture."""
        self.value = 0j
        self._tally = np.zeros(8, np.float64)

    def remove(self, index: int, pairs: npt.NDArray[np.float32]) -> None:
        """Learn from `pairs` (2n,), channel samples from `index` on, and correct them."""
        # The channel was turned by -f t: the line lies at -f in it.
        start = self._offset * index % _TURN / _TURN
        step = self._offset / _TURN
        self._tally *= math.exp(-len(pairs) / 2 / (MEMORY_S * RECEIVE_RATE_HZ))
        add_circle_sums(pairs, start, step, self._tally)
        self._fit()
        if self.value:
            subtract_line(pairs, self.value.real, self.value.imag, -start, -step)

    def _fit(self) -> None:
        n, su, sv, suu, svv, suv, swu, swv = self._tally
        if n < 1:
            return
        mean = complex(su, sv) / n
        power = (suu + svv) / n
        uu, vv = suu / n - mean.real**2, svv / n - mean.imag**2
        uv = suv / n - mean.real * mean.imag
        wu, wv = swu / n - power * mean.real, swv / n - power * mean.imag
        half, apart = (uu + vv) / 2, math.hypot((uu - vv) / 2, uv)
        if not half - apart > LEAST_ROUND * half > 0 or half < 0.1 * power:
            return
        determinant = uu * vv - uv * uv
        centre = complex(wu * vv - wv * uv, wv * uu - wu * uv) / determinant / 2
        if cmath.isfinite(centre) and abs(centre) ** 2 < LARGEST**2 * power:
            self.value = centre
