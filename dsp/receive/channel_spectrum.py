"""Power spectra of the channel: a mean for the occupied bandwidth, a max-hold for the mask.

Mean: 1440 points under a Hann window, 200 Hz a bin, 48 frames for 96 % of the time, sixteen side by
side (`lane_transform`). Max-hold: 42 points under a Hann window, whose 3 dB width is 1.44 bins of
6.86 kHz = 9.9 kHz, the 10 kHz resolution bandwidth that the mask of Rec. ITU-R SM.1268-5, Annex 1
is defined for; like a sweeping analyser it looks at a part of the time only, one frame in eleven.

The Hann window of the mean is applied to the bins: X[k]/2 - (X[k-1] + X[k+1])/4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from numba import types

from dsp.kernel import kernel, ready
from dsp.lanes import LANES, lane_sum, load, splat
from dsp.receive.filter_bank import aligned, transform_blocks
from dsp.receive.grid import BATCH, RATE_HZ
from dsp.receive.lane_transform import PLANE, places, plan_passes

POINTS = 1_440
BIN_HZ = RATE_HZ / POINTS
GROUPS = 3
FRAMES = GROUPS * LANES
_STEP = BATCH // FRAMES
HOLD_POINTS = 42
HOLD_BIN_HZ = RATE_HZ / HOLD_POINTS
HOLD_FRAMES = 150
_HOLD_STEP = BATCH // HOLD_FRAMES

_IQ = types.Array(types.complex64, 1, "C", readonly=True)
_ROW = types.Array(types.float32, 1, "C", readonly=True)
_FRAMES = types.Array(types.complex64, 2, "C")
_PLACES = types.Array(types.int64, 1, "C", readonly=True)
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


@kernel(types.void(PLANE, PLANE, _PLACES, _SUM), fastmath=frozenset({"contract"}))
def add_hann_powers(re: Any, im: Any, rows: Any, total: Any) -> None:
    """Add the sum over lanes of |X|² under a Hann window to `total`; `rows` says where bin k is."""
    count = rows.shape[0]
    half, quarter = splat(np.float32(0.5)), splat(np.float32(0.25))
    for k in range(count):
        before = LANES * rows[k - 1 if k else count - 1]
        here = LANES * rows[k]
        after = LANES * rows[k + 1 if k < count - 1 else 0]
        x = load(re, here) * half - (load(re, before) + load(re, after)) * quarter
        y = load(im, here) * half - (load(im, before) + load(im, after)) * quarter
        total[k] += lane_sum(x * x + y * y)


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
        float64 (1440,), in FFT order: sum of |X|² over all frames.
    batches
        How many batches `total` holds.
    held
        float32 (42,), in FFT order: max-hold since `reset`, as power of a line.
    """

    def __init__(self) -> None:
        ready(cut_frames, transform_blocks, add_hann_powers, hold_powers)
        # |X|² under a Hann window, whose mean square is 3/8, times this sums to the power.
        self._scale = 1.0 / (0.375 * POINTS * POINTS * FRAMES)
        self._hold_window = _hann_of_a_line(HOLD_POINTS)
        self._passes, self._turns = plan_passes(POINTS)
        self._rows = places(POINTS)
        self._re, self._im = aligned(LANES * POINTS), aligned(LANES * POINTS)
        self._hold_frames = np.zeros((HOLD_FRAMES, HOLD_POINTS), np.complex64)
        self.total = np.zeros(POINTS)
        self.held = np.zeros(HOLD_POINTS, np.float32)
        self.batches = 0

    def add(self, iq: npt.NDArray[np.complex64]) -> None:
        """Take a batch (BATCH,) of the channel."""
        pairs = iq.view(np.float32)
        for group in range(GROUPS):
            first = 2 * _STEP * LANES * group
            frames = pairs[first : first + 2 * _STEP * LANES]
            transform_blocks(frames, _STEP, self._passes, self._turns, self._re, self._im)
            add_hann_powers(self._re, self._im, self._rows, self.total)
        cut_frames(iq, self._hold_window, _HOLD_STEP, self._hold_frames)
        hold_powers(scipy.fft.fft(self._hold_frames, axis=1), self.held)
        self.batches += 1

    def take_mean(self) -> npt.NDArray[np.float64]:
        """Return the mean power per bin in rising frequency, and begin another mean."""
        mean = scipy.fft.fftshift(self.total * (self._scale / max(self.batches, 1)))
        self.total[:] = 0.0
        self.batches = 0
        return np.asarray(mean)

    def reset(self) -> None:
        """Forget everything."""
        self.total[:] = 0.0
        self.held[:] = 0.0
        self.batches = 0


def _hann_of_a_line(points: int) -> npt.NDArray[np.float32]:
    """Hann window scaled so that a line reads its power."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(points) / points)
    return np.asarray(window / window.sum(), np.float32)
