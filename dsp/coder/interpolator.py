"""Audio at 48 kHz to the multiplex's 192 kHz: the last step of the coder's 15 kHz low-pass.

The low-pass proper runs at 48 kHz, where a steep filter is four times as cheap (low_pass.py, 15 to
17 kHz: the pilot keeps 2 kHz of silence around it, RDS everything above 55 kHz). What is left to do
here is to suppress the images of 0 … 17 kHz around 48 and 96 kHz: a polyphase filter with a
transition of 14 kHz, 20 taps a phase. Channels come as frames and leave as planes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from dsp.contract import Frames, require_layout
from dsp.fm.constants import AUDIO_EDGE_HZ, AUDIO_RATE_HZ, COMPOSITE_RATE_HZ
from dsp.kernel import inlined, kernel, ready
from dsp.master.low_pass import LinearPhaseLowPass, design_low_pass

FACTOR = COMPOSITE_RATE_HZ // AUDIO_RATE_HZ
STOP_HZ = 17_000.0
STOP_DB = 90.0
_IMAGE_HZ = AUDIO_RATE_HZ - STOP_HZ
_IMAGE_DB = 88.0
_TAPS = 20  # a phase: 79 of the 80 are used
TILE = 64

F32 = types.float32
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
PLANES = types.Array(F32, 2, "C")
TAPS = types.Array(F32, 2, "C", readonly=True)


@inlined
def _filter_tile(window: Any, taps: Any, acc: Any) -> None:
    """Fill `acc` (TILE,) with the dot products of `taps` (20,) and `window` (TILE + 19,)."""
    for i in range(TILE):
        acc[i] = np.float32(0.0)
    for k in range(0, _TAPS, 5):
        h0, h1, h2, h3, h4 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3], taps[k + 4]
        w = window[k : k + TILE + 4]
        for i in range(TILE):
            low = acc[i] + h0 * w[i] + h1 * w[i + 1] + h2 * w[i + 2]
            acc[i] = low + h3 * w[i + 3] + h4 * w[i + 4]


@kernel(
    types.void(FRAMES_IN, TAPS, PLANES, PLANES),
    # Fused multiply-adds only; tests/dsp/coder/test_interpolator.py holds it to the float64 twin.
    fastmath=frozenset({"contract"}),
)
def interpolate_planes(frames, taps, past, out):
    """Write `frames` (n, channels) at four times the rate to `out` (channels, 4 n).

    `taps` (4, 20) holds one phase a row, in reversed order of time; `past` (channels, 19) is
    carried.
    """
    n, channels = frames.shape
    held = _TAPS - 1
    window = np.zeros(held + TILE, np.float32)
    a0 = np.empty(TILE, np.float32)
    a1 = np.empty(TILE, np.float32)
    a2 = np.empty(TILE, np.float32)
    a3 = np.empty(TILE, np.float32)
    for c in range(channels):
        window[:held] = past[c]
        for start in range(0, n, TILE):
            count = min(TILE, n - start)
            for i in range(count):
                window[held + i] = frames[start + i, c]
            # A tile past `count` works on leftovers; what it makes of them is not stored.
            _filter_tile(window, taps[0], a0)
            _filter_tile(window, taps[1], a1)
            _filter_tile(window, taps[2], a2)
            _filter_tile(window, taps[3], a3)
            target = out[c, FACTOR * start : FACTOR * (start + count)]
            for i in range(count):
                target[4 * i] = a0[i]
                target[4 * i + 1] = a1[i]
                target[4 * i + 2] = a2[i]
                target[4 * i + 3] = a3[i]
            window[:held] = window[count : count + held].copy()
        past[c] = window[:held]


def make_audio_low_pass(channels: int) -> LinearPhaseLowPass:
    """Build the coder's 15 kHz low-pass at 48 kHz: flat to 15 kHz, 90 dB down from 17 kHz."""
    return LinearPhaseLowPass(
        AUDIO_RATE_HZ, channels, pass_hz=AUDIO_EDGE_HZ, stop_hz=STOP_HZ, attenuation_db=STOP_DB
    )


class Interpolator:
    """Raises frames (n, channels) at 48 kHz to planes (channels, 4 n) at 192 kHz.

    `delay_samples` counts at 192 kHz.
    """

    def __init__(self, channels: int) -> None:
        ready(interpolate_planes)
        self.channels = channels
        prototype = design_low_pass(
            STOP_HZ / COMPOSITE_RATE_HZ, _IMAGE_HZ / COMPOSITE_RATE_HZ, _IMAGE_DB
        )
        self.delay_samples = len(prototype) // 2
        padded = np.zeros(FACTOR * _TAPS)
        padded[: len(prototype)] = FACTOR * prototype
        self._taps = np.ascontiguousarray(
            padded.reshape(_TAPS, FACTOR).T[:, ::-1], dtype=np.float32
        )
        self._past = np.zeros((channels, _TAPS - 1), np.float32)

    def process(self, frames: Frames) -> Frames:
        """Return (channels, 4 n); allocates the output only. The frames are a filter's: finite."""
        require_layout(frames, self.channels, np.float32)
        out = np.empty((self.channels, FACTOR * len(frames)), np.float32)
        interpolate_planes(frames, self._taps, self._past, out)
        return out

    def reset(self) -> None:
        """Forget the stream."""
        self._past[:] = 0.0
