"""Carrier-to-noise ratio and the noise of the composite, read where the multiplex has nothing.

White noise beside a carrier of power C gives a discriminator the one-sided noise density

    S(f) = f² · N0 / C     Hz² per Hz

so every quiet stretch of the composite tells N0 / C: between audio, pilot and L - R (16 … 18.4 and
19.6 … 22.4 kHz) and above RDS (60.6 … 74 kHz; the bands of RDS2 and SCA, where used, are left out
by the rule below). Of the values of all stretches of a kilohertz, the mean of the lowest third
counts, corrected for having been chosen: audio that leaks, distortion and other subcarriers only
ever add. C/N is C over the noise in 200 kHz (contract: C/N).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready
from dsp.receive.composite.composite_bank import density_scale
from dsp.receive.composite.composite_filter import step_droop
from dsp.receive.composite.grid import BIN_HZ, BINS, bin_of

REFERENCE_BANDWIDTH_HZ = 200_000.0
QUIET_HZ = ((16_000.0, 18_400.0), (19_600.0, 22_400.0), (60_600.0, 74_000.0))
_STRETCH_HZ = 1_000.0
# A Hann window makes neighbouring bins alike: correlations of 0.444 and 0.028 leave one in two.
_INDEPENDENT = 1.0 / (1.0 + 2.0 * (0.444 + 0.028))
# Mean of the lowest third of n normal values, in standard deviations below the mean of all.
_LOWEST_THIRD = 1.07
# What is left of the spread in that mean, and what is not chance (scenes; a C/N of 0.02 dB).
_SPREAD_OF_THIRD = 0.31
_READING_SHARE = 0.004
# Towards the threshold the envelope's noise makes the phase's larger, in dB times C/N.
_THRESHOLD_DB = 3.1

_POWERS = types.Array(types.float64, 1, "C", readonly=True)
_EDGES = types.Array(types.int64, 2, "C", readonly=True)
_MEANS = types.Array(types.float64, 1, "C")


@kernel(types.void(_POWERS, _POWERS, _EDGES, _MEANS))
def mean_stretches(powers: Any, weights: Any, edges: Any, means: Any) -> None:
    """Write the mean of `powers` times `weights` over each stretch from edge to edge to `means`."""
    for s in range(means.shape[0]):
        total = 0.0
        for k in range(edges[s, 0], edges[s, 1]):
            total += powers[k] * weights[k]
        means[s] = total / (edges[s, 1] - edges[s, 0])


@dataclass(frozen=True)
class NoiseReading:
    """N0 / C in 1/Hz with its relative standard uncertainty, from one second or less."""

    n0_over_c: float
    relative: float

    @property
    def cn_db(self) -> float:
        """Carrier over the noise in 200 kHz, in dB."""
        noise = max(self.n0_over_c * REFERENCE_BANDWIDTH_HZ, 1e-12)
        return -10.0 * math.log10(noise) + _THRESHOLD_DB * min(noise, 0.1)


class NoiseFloor:
    """Reads N0 / C from mean powers of the composite's bins."""

    def __init__(self, *, phase_step: bool = False) -> None:
        ready(mean_stretches)
        frequency = np.arange(BINS) * BIN_HZ
        droop = np.square(step_droop(frequency)) if phase_step else np.ones(BINS)
        self._per_power = density_scale() / (droop * np.square(np.maximum(frequency, BIN_HZ)))
        edges_of_bands = []
        for low_hz, high_hz in QUIET_HZ:
            count = round((high_hz - low_hz) / _STRETCH_HZ)
            edges = np.linspace(bin_of(low_hz), bin_of(high_hz), count + 1).astype(np.int64)
            edges_of_bands.append(np.stack([edges[:-1], edges[1:]], axis=1))
        self._edges = np.concatenate(edges_of_bands)
        self._values = np.empty(len(self._edges))
        self._width = float(self._edges[0, 1] - self._edges[0, 0])

    def read(self, powers: npt.NDArray[np.float64], hops: int) -> NoiseReading:
        """Return N0 / C from `powers` (BINS,), the mean over `hops` hops under a Hann window."""
        mean_stretches(powers, self._per_power, self._edges, self._values)
        values = sorted(self._values.tolist())
        width = self._width * _INDEPENDENT
        spread = 1.0 / math.sqrt(width * max(hops, 1))
        third = max(len(values) // 3, 1)
        lowest = sum(values[:third]) / third / max(1.0 - _LOWEST_THIRD * spread, 0.3)
        return NoiseReading(lowest, math.hypot(_SPREAD_OF_THIRD * spread, _READING_SHARE))
