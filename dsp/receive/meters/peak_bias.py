"""How much noise lifts a peak reading, told from the histogram of what was measured.

The largest of many samples of signal plus noise lies above the largest of the signal: by 4 sigma
for a tone, which visits its crest thousands of times, by next to nothing for a syllable that does
so once. The bias c · sigma cannot be tabulated; but it can be *made larger on purpose*. With noise
of lambda · sigma² added to the measured distribution, the expected maximum of a signal with a hard
edge is

    E[max] = M + b · sqrt(1 + lambda)

so what it grows by from lambda = 1 to 3 is 0.586 b, and b is the bias (simulation extrapolation:
J. Cook, L. Stefanski, JASA 89, 1994). A lone crest is blurred by nothing but its own noise: it
grows by less, down to nothing, and its bias is a third of a sigma. The expectation needs no dice:
the probability that no sample exceeds t is the product of Phi((t - y) / (sqrt(lambda) sigma)) over
the histogram.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import inlined, kernel, ready
from dsp.receive.composite.grid import RATE_HZ

LAMBDAS = (1.0, 3.0)
# Samples at 288 kHz of noise that ends at 60 kHz count as this many independent ones.
_REPEATS = RATE_HZ / 120_000.0
_POINTS = 64
_REACH_SIGMAS = 12.0
_WIDTHS_PER_SIGMA = 6.0
# With less noise than this (Hz) the histogram's bins of 100 Hz are too wide, and the bias too small
# to matter: between that of a lone crest and that of a tone.
_LEAST_SIGMA_HZ = 60.0
_FEW_SIGMAS = (1.5, 0.9)
# Growth in sigmas → bias in sigmas, and what it is known to: by the scenes and stations of
# bench/receive/scenes.py and bench/receive/accuracy.py at C/N 30 and 40 dB.
_GROWTH = (0.3, 0.75, 1.2, 2.4)
_BIAS = (0.3, 1.4, 2.3, 4.4)
_SPREAD = (1.0, 0.7, 0.7, 0.5)
# With so much noise its distribution is no longer normal: clicks begin.
_CLICKS_HZ = 10_000.0

_COUNTS = types.Array(types.float64, 1, "C")


@inlined
def _log_phi(x: Any) -> Any:
    """Logarithm of the normal distribution function."""
    if x > 6.0:
        return 0.0
    if x < -30.0:
        return -1000.0
    return math.log(0.5 * math.erfc(-x * 0.7071067811865476))


@kernel(types.float64(_COUNTS, types.float64, types.float64))
def expected_maximum(counts: Any, width: Any, sigma: Any) -> Any:
    """Expected maximum of samples with noise `sigma`, relative to the middle of bin 0.

    `counts` (n,) go downwards from the highest bin in steps of `width`; fractions are welcome.
    """
    span = 11.0 * sigma
    step = span / (_POINTS - 1)
    mean = -4.0 * sigma - 0.5 * step  # the trapezoid: 1 - F falls from 1 to 0
    for i in range(_POINTS):
        t = i * step - 4.0 * sigma
        total = 0.0
        for j in range(counts.shape[0]):
            if counts[j] > 0.0:
                total += counts[j] * _log_phi((t + j * width) / sigma)
                if total < -700.0:
                    break
        mean += (1.0 - math.exp(max(total, -700.0))) * step
    return mean


class PeakBias:
    """Corrects the highest value of a histogram for noise."""

    def __init__(self) -> None:
        ready(expected_maximum)

    def correct(
        self,
        folded: npt.NDArray[np.float64],
        bin_hz: float,
        peak_hz: float,
        sigma_hz: float,
    ) -> tuple[float, float]:
        """Return the peak without noise, and its standard uncertainty, both in Hz.

        `folded` counts |deviation| in bins of `bin_hz` from 0; `peak_hz` is the highest value read
        between the samples; `sigma_hz` is the noise behind the measuring filter.
        """
        if sigma_hz < _LEAST_SIGMA_HZ:
            few, spread = _FEW_SIGMAS
            return peak_hz - few * sigma_hz, spread * sigma_hz
        filled = np.flatnonzero(folded)
        if not len(filled):
            return peak_hz, sigma_hz
        top = int(filled[-1])
        merged = max(round(sigma_hz / _WIDTHS_PER_SIGMA / bin_hz), 1)
        wanted = math.ceil(_REACH_SIGMAS * sigma_hz / (merged * bin_hz))
        counts = self._downwards(folded, top, merged, wanted)
        low, high = (
            expected_maximum(counts, merged * bin_hz, math.sqrt(value) * sigma_hz)
            for value in LAMBDAS
        )
        growth = (high - low) / sigma_hz
        bias = float(np.interp(growth, _GROWTH, _BIAS))
        spread = float(np.interp(growth, _GROWTH, _SPREAD)) * (1.0 + sigma_hz / _CLICKS_HZ)
        return peak_hz - bias * sigma_hz, spread * sigma_hz

    @staticmethod
    def _downwards(
        folded: npt.NDArray[np.float64], top: int, merged: int, wanted: int
    ) -> npt.NDArray[np.float64]:
        lowest = max(top + 1 - merged * wanted, 0)
        part = folded[lowest : top + 1][::-1] / _REPEATS
        padded = np.zeros(-(-len(part) // merged) * merged)
        padded[: len(part)] = part
        return np.ascontiguousarray(padded.reshape(-1, merged).sum(axis=1))
