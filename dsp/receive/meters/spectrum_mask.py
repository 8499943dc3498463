"""The go / no-go mask of Rec. ITU-R SM.1268-5, Annex 1, on a max-hold spectrum of 10 kHz.

0 dB to 74 kHz, -15 dB at 107.5, -30 dB at 124, -40 dB at 152.5 kHz, straight between, relative to
the peak of the max-hold. It is defined for systems of ± 75 kHz only, and cannot replace a
measurement of the deviation. Points beyond the flat part of the channel filter are not judged, nor
those where the receiver's own noise comes near the mask: the largest of n frames of noise with the
mean p is p (ln n + 0.58) on average, and no transmitter is to blame for it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.receive.meters.channel_spectrum import HOLD_BIN_HZ, HOLD_POINTS
from dsp.receive.meters.figure import Figure

MASK_HZ = (0.0, 74_000.0, 107_500.0, 124_000.0, 152_500.0)
MASK_DB = (0.0, 0.0, -15.0, -30.0, -40.0)
RATED_HZ = 75_000.0
# The noise of a Hann window, in bins.
_NOISE_HZ = 1.5 * HOLD_BIN_HZ
_EULER = 0.5772
_CLEAR_DB = 3.0
# The level of a line between two bins of a Hann window reads up to 1.4 dB low.
_U_DB = 1.5


def held_noise(density: float, frames: int) -> float:
    """Max-hold of `frames` frames of noise of that power density (per Hz)."""
    return density * _NOISE_HZ * (math.log(max(frames, 1)) + _EULER)


def mask_margin(
    held: npt.NDArray[np.float32],
    offset_hz: float,
    rated_hz: float,
    half_width_hz: float,
    noise: float = 0.0,
) -> Figure:
    """Smallest distance below the mask in dB (negative: above it) of a max-hold in FFT order.

    `noise` is what the receiver's noise alone would hold, see `held_noise`.
    """
    if rated_hz != RATED_HZ:
        return Figure.missing("not applicable: the mask is defined for ±75 kHz only")
    level = scipy.fft.fftshift(held.astype(np.float64))
    if float(level.max()) <= 0.0:
        return Figure.missing("no signal")
    frequency = (np.arange(HOLD_POINTS) - HOLD_POINTS // 2) * HOLD_BIN_HZ
    relative_db = 10.0 * np.log10(np.maximum(level / level.max(), 1e-12))
    mask_db = np.interp(np.abs(frequency - offset_hz), MASK_HZ, MASK_DB)
    noise_db = 10.0 * math.log10(max(noise / float(level.max()), 1e-12))
    # Within 74 kHz nothing can lie above its own peak.
    judged = (np.abs(frequency) <= half_width_hz) & (mask_db < 0.0)
    judged &= noise_db <= mask_db - _CLEAR_DB
    if not judged.any():
        return Figure.missing("weak signal (its noise is at the mask)")
    return Figure(float((mask_db - relative_db)[judged].min()), _U_DB)
