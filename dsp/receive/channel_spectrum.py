"""Power spectra of the channel: a mean for the occupied bandwidth, a max-hold for the mask.

Mean: 1440 points under a Hann window, 200 Hz a bin, end to end. Max-hold: 42 points under a Hann
window, whose 3 dB width is 1.44 bins of 6.86 kHz = 9.9 kHz, the 10 kHz resolution bandwidth that
the mask of Rec. ITU-R SM.1268-5, Annex 1 is defined for; like a sweeping analyser it looks at a
part of the time only, one frame in eleven.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from numba import types

from dsp.kernel import kernel, ready
from dsp.receive.grid import BATCH, RATE_HZ

POINTS = 1_440
BIN_HZ = RATE_HZ / POINTS
FRAMES = BATCH // POINTS
HOLD_POINTS = 42
HOLD_BIN_HZ = RATE_HZ / HOLD_POINTS
HOLD_FRAMES = 150
_HOLD_STEP = BATCH // HOLD_FRAMES

_IQ = types.Array(types.complex64, 1, "C", readonly=True)
_ROW = types.Array(types.float32, 1, "C", readonly=True)
_FRAMES = types.Array(types.complex64, 2, "C")
_SUM = types.Array(types.float64, 1, "C")
_HELD = types.Array(types.float32, 1, "C")


@kernel(types.void(_IQ, _ROW, types.int64, _FRAMES))
def cut_frames(iq: Any, window: Any, step: Any, frames: Any) -> None:
    """Write windowed pieces of `iq`, `step` apart, to `frames` (count, len(window))."""
    for f in range(frames.shape[0]):
        target = frames[f]
        piece = iq[f * step : f * step + window.shape[0]]
        for i in range(window.shape[0]):
            target[i] = piece[i] * window[i]


@kernel(types.void(_FRAMES, _SUM), fastmath=frozenset({"contract"}))
def add_powers(spectra: Any, total: Any) -> None:
    """Add the mean |X|² of the rows of `spectra` to `total`."""
    count = spectra.shape[0]
    part = np.zeros(spectra.shape[1], np.float32)
    for f in range(count):
        row = spectra[f]
        for k in range(row.shape[0]):
            part[k] += row[k].real * row[k].real + row[k].imag * row[k].imag
    for k in range(part.shape[0]):
        total[k] += part[k] / count


@kernel(types.void(_FRAMES, _HELD), fastmath=frozenset({"contract"}))
def hold_powers(spectra: Any, held: Any) -> None:
    """Raise `held` to the largest |X|² of each column."""
    for f in range(spectra.shape[0]):
        row = spectra[f]
        for k in range(row.shape[0]):
            p = row[k].real * row[k].real + row[k].imag * row[k].imag
            held[k] = max(held[k], p)


class ChannelSpectrum:
    """Collects both spectra from batches of channel samples.

    Attributes
    ----------
    total
        float64 (1440,), in FFT order: sum over batches of the mean |X|², as power per bin.
    batches
        How many batches `total` holds.
    held
        float32 (42,), in FFT order: max-hold since `reset`, as power of a line.
    """

    def __init__(self) -> None:
        ready(cut_frames, add_powers, hold_powers)
        self._window = self._hann(POINTS, power=True)
        self._hold_window = self._hann(HOLD_POINTS, power=False)
        self._frames = np.zeros((FRAMES, POINTS), np.complex64)
        self._hold_frames = np.zeros((HOLD_FRAMES, HOLD_POINTS), np.complex64)
        self.total = np.zeros(POINTS)
        self.held = np.zeros(HOLD_POINTS, np.float32)
        self.batches = 0

    @staticmethod
    def _hann(points: int, *, power: bool) -> npt.NDArray[np.float32]:
        """Hann window scaled so that |X|² sums to the power, or so that a line reads its power."""
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(points) / points)
        scale = np.sqrt(points * np.sum(window**2)) if power else window.sum()
        return np.asarray(window / scale, np.float32)

    def add(self, iq: npt.NDArray[np.complex64]) -> None:
        """Take a batch (BATCH,) of the channel."""
        cut_frames(iq, self._window, POINTS, self._frames)
        add_powers(scipy.fft.fft(self._frames, axis=1), self.total)
        cut_frames(iq, self._hold_window, _HOLD_STEP, self._hold_frames)
        hold_powers(scipy.fft.fft(self._hold_frames, axis=1), self.held)
        self.batches += 1

    def take_mean(self) -> npt.NDArray[np.float64]:
        """Return the mean power per bin in rising frequency, and begin another mean."""
        mean = scipy.fft.fftshift(self.total / max(self.batches, 1))
        self.total[:] = 0.0
        self.batches = 0
        return np.asarray(mean)

    def reset(self) -> None:
        """Forget everything."""
        self.total[:] = 0.0
        self.held[:] = 0.0
        self.batches = 0
