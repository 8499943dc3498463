"""Carrier offset: the mean of the discriminator, in Hz and in ppm against a stated reference.

The programme has no DC, but bass does not fit a second: a 40 Hz tone of 60 kHz deviation moves a
plain mean by up to 480 Hz. Means of 0.6 ms are therefore weighted by a Hann window over the
second: what lies at 20 Hz and above is 85 dB down. How much the programme may still move the
reading is told by the same series three to five hertz away from zero. What nothing can tell is how
much mean the programme itself has: a limiter that meets speech, which is lopsided, makes some parts
in a hundred thousand of its deviation.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import FULL_SCALE_HZ
from dsp.receive.composite.grid import HOPS_PER_S, RATE_HZ
from dsp.receive.meters.deviation_peaks import RUNS
from dsp.receive.meters.figure import Figure

_COUNT = HOPS_PER_S * RUNS
_INDEX = np.arange(_COUNT) + 0.5
_HANN = 0.5 - 0.5 * np.cos(2.0 * np.pi * _INDEX / _COUNT)
_WEIGHTS = _HANN / _HANN.sum()
# Beside zero: 3, 4 and 5 Hz, clear of the main lobe of the window (2 Hz).
_BESIDE_HZ = (3.0, 4.0, 5.0)
_PROBES = np.array([_WEIGHTS * np.exp(-2j * np.pi * f * _INDEX / _COUNT) for f in _BESIDE_HZ])
_BESIDE_SHARE = 0.1
_LOPSIDED_SHARE = 3e-5
_READING_HZ = 0.05


def offset_of(totals: npt.NDArray[np.float64], modulation_hz: float = 0.0) -> Figure:
    """Offset in Hz from the sums of every 160 samples of a second, 1.0 = 100 kHz.

    `modulation_hz` is the rms deviation of the audio.
    """
    means_hz = totals * (FULL_SCALE_HZ * _COUNT / RATE_HZ)
    value_hz = float(_WEIGHTS @ means_hz)
    # Hann-weighted lines beside zero: their rms is what the programme can put on zero itself.
    beside_hz = float(np.sqrt(np.mean(np.abs(_PROBES @ (means_hz - value_hz)) ** 2)))
    lopsided_hz = _LOPSIDED_SHARE * modulation_hz
    # A counter takes the plain mean of a second, bass and all: both readings shall be covered.
    counted_hz = abs(float(means_hz.mean()) - value_hz)
    spread_hz = math.hypot(_BESIDE_SHARE * beside_hz, lopsided_hz, _READING_HZ)
    return Figure(value_hz, math.hypot(2.0 * spread_hz, 1.05 * counted_hz))


def offset_ppm(offset: Figure, reference_hz: float, reference_ppm: float) -> Figure:
    """Offset in ppm of the assigned `reference_hz`; the oscillator is good to `reference_ppm`.

    `offset` alone is exact only by the receiver's own oscillator.
    """
    if offset.value is None or offset.u is None:
        return offset
    per_ppm = reference_hz * 1e-6
    u_ppm = math.hypot(offset.u / per_ppm, reference_ppm)
    return Figure(offset.value / per_ppm, u_ppm, offset.invalid)
