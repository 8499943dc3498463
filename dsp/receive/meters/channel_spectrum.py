"""Power spectra of the channel: a mean for the occupied bandwidth, a max-hold for the mask.

Mean: 4500 points, 64 Hz a bin; 64 frames, sixteen side by side (`lane_transform`), are the second
end to end, without a window. So every moment counts alike, which windows of a few ms do not grant:
against the pitch of a voice they beat, and the bandwidth of speech reads off by kilohertz. What a
frame without a window leaks is known on average, sin² being one half: a bin gives 1 / (2 pi² d²) of
itself to the one d bins away. That is taken off again.

Max-hold: 42 points under a Hann window, whose 3 dB width is 1.44 bins of 6.86 kHz = 9.9 kHz, the
10 kHz resolution bandwidth that the mask of Rec. ITU-R SM.1268-5, Annex 1 is defined for; like a
sweeping analyser it looks at a part of the time only, one frame in eleven.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from numba import types

from dsp.kernel import kernel, ready
from dsp.lanes import LANES, lane_sum, load
from dsp.receive.composite.grid import RATE_HZ
from dsp.receive.front.filter_bank import aligned, transform_blocks
from dsp.receive.front.lane_plan import places, plan_passes
from dsp.receive.front.lane_transform import PLANE

POINTS = 4_500
BIN_HZ = RATE_HZ / POINTS
FRAMES = RATE_HZ // POINTS
HOLD_POINTS = 42
HOLD_BIN_HZ = RATE_HZ / HOLD_POINTS
HOLD_FRAMES = 600
_HOLD_STEP = RATE_HZ // HOLD_FRAMES

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
def add_powers(re: Any, im: Any, rows: Any, total: Any) -> None:
    """Add the sum over lanes of |X|² to `total`; `rows` says where bin k is."""
    for k in range(rows.shape[0]):
        x, y = load(re, LANES * rows[k]), load(im, LANES * rows[k])
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
    """Takes both spectra of every second of a channel.

    Attributes
    ----------
    held
        float32 (42,), in FFT order: max-hold since `reset`, as power of a line.
    held_frames
        How many frames `held` is the largest of.
    """

    def __init__(self) -> None:
        ready(cut_frames, transform_blocks, add_powers, hold_powers)
        # |X|² times this sums to the power.
        self._scale = 1.0 / (float(POINTS) * POINTS * FRAMES)
        self._hold_window = _hann_of_a_line(HOLD_POINTS)
        self._passes, self._turns = plan_passes(POINTS)
        self._rows = places(POINTS)
        self._re, self._im = aligned(LANES * POINTS), aligned(LANES * POINTS)
        self._leak = _leakage(POINTS)
        self._hold_frames = np.zeros((HOLD_FRAMES, HOLD_POINTS), np.complex64)
        self._total = np.zeros(POINTS)
        self.held = np.zeros(HOLD_POINTS, np.float32)
        self.held_frames = 0

    def mean(self, iq: npt.NDArray[np.complex64]) -> npt.NDArray[np.float64]:
        """Take a second (RATE_HZ,); return its mean power per bin in rising frequency."""
        pairs = iq.view(np.float32)
        self._total[:] = 0.0
        for start in range(0, 2 * RATE_HZ, 2 * LANES * POINTS):
            part = pairs[start : start + 2 * LANES * POINTS]
            transform_blocks(part, POINTS, self._passes, self._turns, self._re, self._im)
            add_powers(self._re, self._im, self._rows, self._total)
        self._hold(iq)
        mean = self._total * self._scale
        leaked = scipy.fft.irfft(scipy.fft.rfft(mean) * self._leak, POINTS)
        return np.asarray(scipy.fft.fftshift(mean - leaked))

    def _hold(self, iq: npt.NDArray[np.complex64]) -> None:
        cut_frames(iq, self._hold_window, _HOLD_STEP, self._hold_frames)
        hold_powers(scipy.fft.fft(self._hold_frames, axis=1), self.held)
        self.held_frames += HOLD_FRAMES

    def reset(self) -> None:
        """Forget what was held."""
        self.held[:] = 0.0
        self.held_frames = 0


def _hann_of_a_line(points: int) -> npt.NDArray[np.float32]:
    """Hann window scaled so that a line reads its power."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(points) / points)
    return np.asarray(window / window.sum(), np.float32)


def _leakage(points: int) -> npt.NDArray[np.float64]:
    """Transform of what each bin gets from the others less what it loses to them."""
    distance = np.minimum(np.arange(1, points), points - np.arange(1, points))
    share = np.concatenate([[0.0], 0.5 / (np.pi * distance) ** 2])
    share[0] = -share.sum()
    return np.asarray(scipy.fft.rfft(share).real)
