"""TPDF dither to 16 bits: float frames in, int16 frames out, the same on every run.

Before rounding, noise of triangular density and ±1 LSB is added (the sum of two uniform numbers),
which makes the error independent of the signal. The numbers are a hash of the sample's index and
the seed, not a generator's state: no two runs differ, however the stream is cut, and the loop has
no dependency from one sample to the next, so that it runs eight lanes wide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, require_frames
from dsp.kernel import kernel, ready

_SAMPLES_IN = types.Array(types.float32, 1, "C", readonly=True)


@kernel(types.void(_SAMPLES_IN, types.uint32, types.uint32, types.int16[::1]))
def _dither_to_int16(samples, first, seed, out):
    """Write `samples` (n,) as int16 to `out` (n,); `first` is the index of the first of them.

    The hash is the 32-bit finaliser of H. Prospecting ("lowbias32"); its halves are two 16-bit
    uniforms.
    """
    for n in range(samples.shape[0]):
        x = np.uint32(first + np.uint32(n)) ^ seed
        x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
        x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
        x = np.uint32(x ^ (x >> np.uint32(16)))
        halves = np.int32(x & np.uint32(0xFFFF)) + np.int32(x >> np.uint32(16))
        noise = np.float32(halves - np.int32(65535)) * np.float32(1.0 / 65536.0)
        scaled = samples[n] * np.float32(32768.0) + noise
        scaled = min(max(scaled, np.float32(-32768.0)), np.float32(32767.0))
        out[n] = np.int16(np.rint(scaled))


class Dither:
    """Reduces float frames to 16 bits, block after block.

    Parameters
    ----------
    channels
        Of the frames.
    seed
        Chooses the noise.
    """

    def __init__(self, channels: int, seed: int = 0x10A) -> None:
        ready(_dither_to_int16)
        self._channels = channels
        self._seed = np.uint32(seed)
        self._done = 0

    def process(self, frames: Frames) -> npt.NDArray[np.int16]:
        """Return (n, channels) float32 as a new int16 array, held at full scale from ±1.0 on.

        Raises
        ------
        BlockContractError
            For any other array; the state is untouched then.
        """
        require_frames(frames, self._channels)
        out = np.empty(frames.shape, np.int16)
        first = np.uint32(self._done & 0xFFFFFFFF)
        _dither_to_int16(frames.reshape(-1), first, self._seed, out.reshape(-1))
        self._done += frames.size
        return out

    def reset(self) -> None:
        """Begin another stream with the same noise."""
        self._done = 0
