"""Multiplex at 192 kHz to any higher rate: what a modulator must turn by per sample of the capture.

A sample of the output is not the multiplex at one moment but its mean since the sample before: the
modulator's sum of these is then the true integral, and a phase that is exact to beyond 60 kHz even
where the rate is low.

The interpolator is a Kaiser-windowed sinc of 16 taps, averaged over one output sample: flat to 60
kHz within 0.001 dB, images of the multiplex 80 dB down from 132 kHz on. Where an output sample lies
between two input samples decides the taps; each tap is a polynomial of degree 6 in that place
(C. Farrow, ISCAS 1988), so that per input sample seven FIR filters run, side by side over the
samples, and per output sample one polynomial, eight at once. Places are counted in units of 2^-64
of an input sample: after a day they are right to 1e-8 of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import Samples, output_of, require_samples
from dsp.fm.constants import COMPOSITE_RATE_HZ
from dsp.kernel import inlined, kernel, ready

TAPS = 16
DEGREE = 6
TILE = 256
LANES = 8
ONE = 1 << 64
_BETA = 8.2  # Kaiser: 83 dB
_HALF_WIDTH = 7.85  # in input samples; what is left of the 8 is for the average
LOWEST_RATE_HZ = 768_000  # the average must not be wider than a quarter of an input sample
HIGHEST_RATE_HZ = 64 * COMPOSITE_RATE_HZ

F32 = types.float32
SIGNAL_IN = types.Array(F32, 1, "C", readonly=True)
TAPS_IN = types.Array(F32, 2, "C", readonly=True)
SIGNAL = types.Array(F32, 1, "C")
_CONTRACT = frozenset({"contract"})


@inlined
def _filter_tile(window: Any, taps: Any, out: Any) -> None:
    """Fill `out` (TILE,) with the dot products of `taps` (16,) and `window` (TILE + 15,)."""
    for i in range(TILE):
        out[i] = np.float32(0.0)
    for k in range(0, TAPS, 8):
        h0, h1, h2, h3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        h4, h5, h6, h7 = taps[k + 4], taps[k + 5], taps[k + 6], taps[k + 7]
        w = window[k : k + TILE + 7]
        for i in range(TILE):
            low = out[i] + h0 * w[i] + h1 * w[i + 1] + h2 * w[i + 2] + h3 * w[i + 3]
            out[i] = low + h4 * w[i + 4] + h5 * w[i + 5] + h6 * w[i + 6] + h7 * w[i + 7]


@inlined
def _evaluate(curves: Any, i: Any, place: Any, step: Any, out: Any) -> None:
    """Write eight values of polynomial `i` at place, place + step, … (in -1 … 1) to `out`."""
    c0, c1, c2, c3 = curves[0, i], curves[1, i], curves[2, i], curves[3, i]
    c4, c5, c6 = curves[4, i], curves[5, i], curves[6, i]
    for lane in range(LANES):
        v = place + np.float32(lane) * step
        out[lane] = c0 + v * (c1 + v * (c2 + v * (c3 + v * (c4 + v * (c5 + v * c6)))))


@kernel(
    types.int64(SIGNAL_IN, types.int64, TAPS_IN, types.uint64, types.uint64, SIGNAL),
    # Fused multiply-adds only; tests/dsp/modulate/test_composite_rate.py holds it to the integral.
    fastmath=_CONTRACT,
)
def interpolate_composite(line, count, taps, first, step, out):
    """Write the samples whose places lie in the next `count` input samples to `out`.

    Input sample i has its 16 neighbours in line[i : i + 16], which is readable up to i = a whole
    number of tiles. `first` is the place of the next output sample in the first input sample,
    `step` from one output sample to the next, both in 2^-64 samples. Eight values are written at a
    time: `out` has room for eight more than the result, the number of samples.
    """
    curves = np.empty((DEGREE + 1, TILE), np.float32)
    unit = 2.0**-63
    step_v = np.float32(np.float64(step) * unit)
    stride = np.float32(LANES) * step_v
    place = first
    made = np.int64(0)
    for start in range(0, count, TILE):
        for d in range(DEGREE + 1):
            _filter_tile(line[start : start + TILE + TAPS - 1], taps[d], curves[d])
        for i in range(min(TILE, count - start)):
            v = np.float32(np.float64(place) * unit - 1.0)
            # So many places are left before the next input sample: (2^64 - 1 - place) / step + 1.
            inside = np.int64((np.uint64(0xFFFFFFFFFFFFFFFF) - place) // step) + 1
            for lane in range(0, inside, LANES):
                _evaluate(curves, i, v, step_v, out[made + lane : made + lane + LANES])
                v += stride
            made += inside
            place = np.uint64(place + np.uint64(inside) * step)
    return made


def _window_sinc(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Impulse response of the interpolator at a distance in input samples."""
    inside = np.clip(1.0 - (at / _HALF_WIDTH) ** 2, 0.0, None)
    shape = np.where(np.abs(at) < _HALF_WIDTH, np.i0(_BETA * np.sqrt(inside)), 0.0)
    return np.asarray(np.sinc(at) * shape / np.i0(_BETA))


def _averaged_taps(place: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """Taps (16, places) for the mean over the `width` samples before each place in 0 … 1.

    Tap k weighs input sample k - 7.
    """
    nodes, weights = np.polynomial.legendre.leggauss(12)
    moments = place[None, :, None] - width * (0.5 - 0.5 * nodes[None, None, :])
    distance = moments - (np.arange(TAPS) - (TAPS // 2 - 1))[:, None, None]
    taps = (_window_sinc(distance) * weights).sum(axis=2) / 2.0
    # A constant stays that constant: the carrier must not move with the place.
    return np.asarray(taps / taps.sum(axis=0))


def farrow_taps(width: float) -> npt.NDArray[np.float64]:
    """Taps (7, 16) of the polynomials in v = 2 · place - 1, lowest power first."""
    v = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    taps = _averaged_taps((v + 1.0) / 2.0, width)
    fit = np.polynomial.chebyshev.chebfit(v, taps.T, DEGREE)
    powers = np.zeros((DEGREE + 1, DEGREE + 1))
    for d in range(DEGREE + 1):
        chosen = np.zeros(DEGREE + 1)
        chosen[d] = 1.0
        row = np.polynomial.chebyshev.cheb2poly(chosen)
        powers[: len(row), d] = row
    return np.asarray(powers @ fit)


class CompositeRate:
    """Raises a multiplex from 192 kHz to `rate_hz`, a whole number from 768 kHz to 12.288 MHz.

    Sample m is the mean of the multiplex over the output sample that ends at (m - delay_samples) /
    rate_hz; `delay_samples` counts at the output's rate and is whole, and a multiple of
    `delay_multiple` where a decimator follows.
    """

    def __init__(self, rate_hz: int, *, delay_multiple: int = 1) -> None:
        if rate_hz != int(rate_hz) or not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(
                f"rate_hz: expected whole, {LOWEST_RATE_HZ} … {HIGHEST_RATE_HZ}, got {rate_hz}"
            )
        ready(interpolate_composite)
        self.rate_hz = rate_hz
        # Rounded up: a place that falls on an input sample is never counted before it.
        self._step = -(-COMPOSITE_RATE_HZ * ONE // rate_hz)
        self._taps = np.ascontiguousarray(farrow_taps(COMPOSITE_RATE_HZ / rate_hz), np.float32)
        # The latest place that needs nothing but zeros before the first input sample.
        ahead = TAPS // 2 * ONE // self._step
        self.delay_samples = ahead // delay_multiple * delay_multiple
        self._begin()

    def _begin(self) -> None:
        # The samples that are known, and the place of the next output sample among those that
        # have their seven neighbours before them.
        start = -self.delay_samples * self._step
        whole = start // ONE
        self._place = start - whole * ONE
        # Input sample `whole` is the first one needed, with 7 before it; all are zero so far.
        self._line = np.zeros(-whole + TAPS // 2 - 1, np.float32)

    def output_length(self, n: int) -> int:
        """Return how many samples the next `n` give."""
        usable = len(self._line) + n - (TAPS - 1)
        return max(0, -(-(usable * ONE - self._place) // self._step))

    def process(self, composite: Samples, out: Samples | None = None) -> Samples:
        """Return the next samples, float32, for a multiplex (n,); allocates two pieces of work.

        Raises
        ------
        BlockContractError
            For anything but finite float32 (n,); the state is as it was.
        """
        require_samples(composite, np.float32)
        due = self.output_length(len(composite))
        target = output_of(due, np.float32, out)
        usable = max(0, len(self._line) + len(composite) - (TAPS - 1))
        tiles = -(-usable // TILE) * TILE
        line = np.zeros(max(tiles + TAPS - 1, len(self._line) + len(composite)), np.float32)
        line[: len(self._line)] = self._line
        line[len(self._line) :][: len(composite)] = composite
        known = len(self._line) + len(composite)
        work = np.empty(due + 2 * LANES, np.float32)
        made = interpolate_composite(
            line, usable, self._taps, np.uint64(self._place), np.uint64(self._step), work
        )
        assert made == due
        target[:] = work[:due]
        self._place += due * self._step - usable * ONE
        self._line = line[usable:known].copy()
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._begin()
