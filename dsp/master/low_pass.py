"""Linear-phase low-pass filters: the band limit of a master and the 15 kHz of an FM coder.

Idea: a Kaiser-windowed sinc, run directly. Outputs are computed in tiles of fixed size, so that
every sample sees the same arithmetic in the same order however the stream is cut; within a tile the
compiler works on many samples at once (a recursive filter could not).

Why a master is band-limited at all: "true peak" means the peak of the analogue wave, and only below
about 0.46 of the sample rate do all converters and all meters agree on what that wave is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready

TILE = 64
SLAB = 1024
_UNROLL = 8

F32 = types.float32
SIGNAL = types.Array(F32, 1, "C")
PLANES = types.Array(F32, 2, "C")
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
TAPS = types.Array(F32, 1, "C", readonly=True)


@inlined
def _low_pass_tile(window, taps, acc):
    """Fill `acc` with TILE filtered samples of `window`."""
    for i in range(TILE):
        acc[i] = 0.0
    for k in range(0, taps.shape[0], 8):
        h0, h1, h2, h3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        h4, h5, h6, h7 = taps[k + 4], taps[k + 5], taps[k + 6], taps[k + 7]
        w = window[k : k + TILE + 7]
        for i in range(TILE):
            low = acc[i] + h0 * w[i] + h1 * w[i + 1] + h2 * w[i + 2] + h3 * w[i + 3]
            acc[i] = low + h4 * w[i + 4] + h5 * w[i + 5] + h6 * w[i + 6] + h7 * w[i + 7]


@kernel(
    types.void(FRAMES_IN, TAPS, PLANES, PLANES),
    # Fused multiply-adds only; tests/dsp/master/test_low_pass.py holds it to the float64 twin.
    fastmath=frozenset({"contract"}),
)
def low_pass_frames(frames, taps, past, out):
    """Filter `frames` (n, channels) into `out`; `past` (channels, len(taps) - 1) is carried.

    `taps` has a length that is a multiple of 8 and is in reversed order of time.
    """
    n, channels = frames.shape
    span = taps.shape[0]
    held = span - 1
    window = np.zeros(held + SLAB, np.float32)
    acc = np.empty(TILE, np.float32)
    for c in range(channels):
        window[:held] = past[c]
        for start in range(0, n, SLAB):
            count = min(SLAB, n - start)
            for i in range(count):
                window[held + i] = frames[start + i, c]
            # A tile past `count` works on leftovers; what it makes of them is not stored.
            for tile in range(0, count, TILE):
                _low_pass_tile(window[tile : tile + held + TILE], taps, acc)
                for i in range(min(TILE, count - tile)):
                    out[start + tile + i, c] = acc[i]
            window[:held] = window[count : count + held].copy()
        past[c] = window[:held]


def design_low_pass(
    pass_edge: float, stop_edge: float, attenuation_db: float
) -> npt.NDArray[np.float64]:
    """Odd-length Kaiser low-pass, unity at DC; edges as fractions of the sample rate.

    Written out (Kaiser 1974), because importing scipy.signal takes half a second of every command.
    """
    width = stop_edge - pass_edge
    # Kaiser's length formula; 14.36 = 2.285 * 2 pi.
    half = math.ceil((attenuation_db - 7.95) / (14.36 * width) / 2.0)
    excess_db = max(attenuation_db - 21.0, 0.0)
    beta = 0.1102 * (attenuation_db - 8.7)
    if attenuation_db <= 50.0:
        beta = 0.5842 * excess_db**0.4 + 0.07886 * excess_db
    cycles = pass_edge + stop_edge  # the middle of the transition, in half sample rates
    taps = np.sinc(cycles * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, beta)
    return np.asarray(taps / taps.sum())


class LinearPhaseLowPass:
    """A low-pass that keeps the shape of the wave, block after block.

    Parameters
    ----------
    sample_rate_hz, channels
        Of the stream.
    pass_hz, stop_hz
        Flat up to `pass_hz`; at least `attenuation_db` down from `stop_hz` on.
    attenuation_db
        Stop-band attenuation; the pass-band ripple is 10 ** (-attenuation / 20).

    Raises
    ------
    ValueError
        Where the edges do not fit below half the sample rate.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        pass_hz: float,
        stop_hz: float,
        attenuation_db: float = 60.0,
    ) -> None:
        if not 0.0 < pass_hz < stop_hz <= sample_rate_hz / 2:
            raise ValueError(
                "pass_hz: expected 0 < pass_hz < stop_hz <= half the sample rate, "
                f"got {pass_hz}, {stop_hz} at {sample_rate_hz}"
            )
        ready(low_pass_frames)
        self.channels = channels
        taps = design_low_pass(pass_hz / sample_rate_hz, stop_hz / sample_rate_hz, attenuation_db)
        self.taps = taps
        self.delay_samples = len(taps) // 2
        # Zeros in front make the length a multiple of the unrolling; they do not move the centre.
        lead = -len(taps) % _UNROLL
        self._taps = np.concatenate([np.zeros(lead), taps[::-1]]).astype(np.float32)
        self._past = np.zeros((channels, len(self._taps) - 1), np.float32)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next frames, late by `delay_samples`; allocates the output only."""
        require_frames(frames, self.channels)
        target = output_for(frames, out)
        low_pass_frames(frames, self._taps, self._past, target)
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._past[:] = 0.0
