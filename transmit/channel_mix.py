"""Source channels to the one or two of a master.

Stereo from more channels follows Rec. ITU-R BS.775-4, table 2: centre and surrounds at -3 dB, the
low-frequency channel left out. Mono is the mean of left and right. The level does not matter here,
the loudness solver sets it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.contract import Frames
from dsp.kernel import ready
from dsp.master.from_int16 import INT16_STEP, mix_int16
from dsp.measure.channels import LAYOUTS, MAX_CHANNELS

_HALF = 0.5**0.5
_TO_STEREO = {
    "left": (1.0, 0.0),
    "right": (0.0, 1.0),
    "centre": (_HALF, _HALF),
    "lfe": (0.0, 0.0),
    "left surround": (_HALF, 0.0),
    "right surround": (0.0, _HALF),
    "back": (_HALF, _HALF),
}


def mix_matrix(source_channels: int, channels: int) -> npt.NDArray[np.float32]:
    """Gains, shape (source_channels, channels), for a master of 1 or 2 channels.

    Raises
    ------
    ValueError
        Where there is no such mix.
    """
    if not 1 <= source_channels <= MAX_CHANNELS or channels not in (1, 2):
        raise ValueError(f"channels: expected 1-6 to 1-2, got {source_channels} to {channels}")
    if source_channels == 1:
        return np.ones((1, channels), np.float32)
    stereo = np.array([_TO_STEREO[name] for name in LAYOUTS[source_channels]], np.float32)
    return stereo if channels == 2 else np.ascontiguousarray(stereo.mean(axis=1, keepdims=True))


class ChannelMix:
    """Mixes frames of the source to frames of the master."""

    delay_samples = 0

    def __init__(self, source_channels: int, channels: int) -> None:
        self._matrix = mix_matrix(source_channels, channels)
        self._through = source_channels == channels
        self._steps = np.ascontiguousarray(self._matrix * INT16_STEP, np.float32)
        if self._through:
            self._steps = np.ascontiguousarray(np.eye(channels) * INT16_STEP, np.float32)
        ready(mix_int16)

    def process(self, frames: Frames) -> Frames:
        """Return (n, channels); the frames themselves where there is nothing to do."""
        if self._through:
            return frames
        if frames.shape[1] == 2:
            return (frames[:, :1] + frames[:, 1:]) * np.float32(0.5)
        return np.ascontiguousarray(frames @ self._matrix)

    def process_int16(self, frames: npt.NDArray[np.int16]) -> Frames:
        """Return (n, channels) float32 of int16 frames, full scale 1.0."""
        mixed = np.empty((len(frames), self._steps.shape[1]), np.float32)
        mix_int16(frames.reshape(-1), self._steps, mixed)
        return mixed
