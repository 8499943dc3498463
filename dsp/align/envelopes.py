"""How loud each of six bands is, every 10 ms: what a room, a codec and a limiter leave of speech.

Two signals are first set beside each other by these: they are short (600 numbers a second), they
survive what destroys phases, and their correlation has a peak as wide as a syllable is sharp.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.align.speech_band import BAND_RATE_HZ, Band

Envelopes = npt.NDArray[np.float32]

FRAME_HZ = 100
BANDS = 6
_HOP = BAND_RATE_HZ // FRAME_HZ
_WINDOW = 256  # 32 ms
# Edges even on the ear's scale (ERB), so that every band holds about as much of a voice.
_EDGES_HZ = (300.0, 520.0, 820.0, 1230.0, 1770.0, 2480.0, 3400.0)
_RANGE = 1e-4  # 40 dB below the loudest tenth, all is called silence
_MEAN_FRAMES = 101  # slower than 1 s is the work of levellers and says nothing
_PIECE = 4096  # frames transformed at a time


def band_powers(band: Band) -> npt.NDArray[np.float32]:
    """Return the power of every band and frame, float32 (BANDS, frames), of `band` at 8 kHz.

    Frame k is centred on 10 ms · k + 5 ms.
    """
    frames = len(band) // _HOP
    before = (_WINDOW - _HOP) // 2
    padded = np.zeros((max(frames, 1) - 1) * _HOP + _WINDOW, np.float32)
    usable = band[: min(len(band), len(padded) - before)]
    padded[before : before + len(usable)] = usable
    window = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)
    bins = np.searchsorted(np.arange(_WINDOW // 2 + 1) * (BAND_RATE_HZ / _WINDOW), _EDGES_HZ)
    powers = np.zeros((BANDS, frames), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    for start in range(0, frames, _PIECE):
        spectra = fft.rfft(views[start : start + _PIECE] * window, axis=1)
        power = spectra.real**2 + spectra.imag**2
        sums = np.add.reduceat(power, bins, axis=1)[:, :BANDS]
        powers[:, start : start + len(sums)] = sums.T
    return powers


def modulation(powers: npt.NDArray[np.float32]) -> Envelopes:
    """Return the level of every band in nepers of power without its mean over 1 s, same shape.

    Silence is flat: everything 40 dB and more below the loud frames of the band counts alike.
    """
    if powers.shape[1] == 0:
        return powers
    loud = np.quantile(powers, 0.9, axis=1, keepdims=True)
    level = np.log(np.maximum(powers, loud * _RANGE) + 1e-30)
    sums = np.cumsum(np.pad(level, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    index = np.arange(level.shape[1])
    low = np.maximum(index - _MEAN_FRAMES // 2, 0)
    high = np.minimum(index + _MEAN_FRAMES // 2 + 1, level.shape[1])
    mean = (sums[:, high] - sums[:, low]) / (high - low)
    return (level - mean).astype(np.float32)
