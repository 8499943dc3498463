"""From the intermediate rate of an awkward capture to 288 kS/s, by any ratio, exactly.

Each output is a dot product with a windowed sinc, its phase taken between the two nearest of 512
stored ones. Where an output lies is counted in integers: the ratio holds for ever. The channel
filter has left nothing above 144 kHz, images begin at 160: the sinc's own edges are far apart.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready

HALF_TAPS = 24
PHASES = 512

_STOP_DB = 90.0
_EDGE = 0.5  # of the input rate: half-way between 144 kHz and its image

F32 = types.float32


@kernel(
    types.void(
        types.Array(F32, 2, "C", readonly=True),
        types.Array(F32, 2, "A", readonly=True),
        types.int64,
        types.float64,
        types.float64,
        types.Array(F32, 2, "A"),
    ),
    # Lanes of one fixed-length sum; the same order for every output.
    fastmath=frozenset({"contract", "reassoc"}),
)
def interpolate_channels(bank, window, first, start, step, out):
    """Write outputs at positions start + i * step of `window`, both complex as pairs of floats.

    `window` (channels, 2 n): position 0 is its sample `first`; `out` (channels, 2 m).
    """
    channels, floats = out.shape
    span = bank.shape[1]
    for i in range(floats // 2):
        position = start + i * step
        place = int(np.floor(position))
        phase = (position - place) * PHASES
        low = int(phase)
        share = np.float32(phase - low)
        near, far = bank[low], bank[low + 1]
        begin = first + place - HALF_TAPS + 1
        for c in range(channels):
            part = window[c, 2 * begin : 2 * (begin + span)]
            re, im, re_far, im_far = (
                np.float32(0.0),
                np.float32(0.0),
                np.float32(0.0),
                np.float32(0.0),
            )
            for k in range(span):
                re += part[2 * k] * near[k]
                im += part[2 * k + 1] * near[k]
                re_far += part[2 * k] * far[k]
                im_far += part[2 * k + 1] * far[k]
            out[c, 2 * i] = re + share * (re_far - re)
            out[c, 2 * i + 1] = im + share * (im_far - im)


def design_bank() -> npt.NDArray[np.float32]:
    """Return (PHASES + 1, 2 HALF_TAPS): the sinc at every phase, unity at DC."""
    k = np.arange(1 - HALF_TAPS, HALF_TAPS + 1)
    phases = np.arange(PHASES + 1) / PHASES
    t = k[None, :] - phases[:, None]
    beta = 0.1102 * (_STOP_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.maximum(1 - (t / HALF_TAPS) ** 2, 0.0))) / np.i0(beta)
    taps = np.sinc(2 * _EDGE * t) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)


class RateBridge:
    """Channels at `rate_in` in, at `rate_out` out; output k belongs to the moment k / rate_out."""

    def __init__(self, rate_in: Fraction, rate_out: Fraction, channels: int, piece: int) -> None:
        """Make room for pieces of `piece` input samples."""
        ready(interpolate_channels)
        self._step = rate_in / rate_out
        self._bank = design_bank()
        self._held = 2 * HALF_TAPS
        self._window = np.zeros((channels, 2 * (self._held + piece)), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self.start_at(0)

    def start_at(self, index: int) -> None:
        """Begin with input sample `index`; silence before it."""
        self._window[:] = 0.0
        self._next_in = index
        # The first output whose whole filter lies at or after what will have come.
        self.next_out = -(-index * self._step.denominator // self._step.numerator)

    def outputs_after(self, next_in: int) -> int:
        """Number of the first output that input up to `next_in` does not allow yet."""
        reach = next_in - HALF_TAPS
        return max(-(-reach * self._step.denominator // self._step.numerator), self.next_out)

    def process(self, piece: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
        """Take (channels, 2 piece) floats, write what `outputs_after` says to `out`."""
        held = 2 * self._held
        self._window[:, held:] = piece
        base = self._next_in
        self._next_in += piece.shape[1] // 2
        end = self.outputs_after(self._next_in)
        position = self.next_out * self._step - base
        interpolate_channels(
            self._bank, self._window, self._held, float(position), float(self._step), out
        )
        self.next_out = end
        self._window[:, :held] = self._window[:, -held:].copy()
