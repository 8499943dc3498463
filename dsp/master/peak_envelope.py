"""Largest sample per millisecond of a stream: the short memory a loudness solver needs of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, require_frames
from dsp.kernel import kernel, ready

_PIECES = 512  # so many fed blocks become one chunk, large enough to be returned to the system

FRAMES_IN = types.Array(types.float32, 2, "C", readonly=True)
BITS = types.Array(types.int32, 1, "C", readonly=True)


@kernel(types.int64(BITS, types.int64, types.int64, types.int64, types.Array(types.int32, 1, "C")))
def largest_per_step(
    bits: npt.NDArray[np.int32],
    channels: int,
    sample_rate_hz: int,
    first_frame: int,
    largest: npt.NDArray[np.int32],
) -> int:
    """Raise `largest` to the greatest |sample| of each millisecond; return the steps touched.

    `bits` are float32 samples read as integers: their order is that of the magnitudes, and integer
    maxima are what a compiler can vectorise. `largest[0]` belongs to the millisecond of
    `first_frame`, counted from the start of the stream; step k begins at ceil(k * rate / 1000).
    """
    frames = bits.shape[0] // channels
    step = first_frame * 1000 // sample_rate_hz
    slot = 0
    start = 0
    while start < frames:
        stop = min(frames, -(-(step + 1) * sample_rate_hz // 1000) - first_frame)
        most = np.int32(0)
        for i in range(start * channels, stop * channels):
            most = max(most, bits[i] & np.int32(0x7FFFFFFF))
        largest[slot] = max(largest[slot], most)
        start = stop
        step += 1
        slot += 1
    return slot


class PeakEnvelope:
    """Gathers the largest |sample| over all channels per millisecond."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        ready(largest_per_step)
        self._sample_rate_hz = sample_rate_hz
        self._channels = channels
        self._frames = 0
        self._pieces: list[npt.NDArray[np.int32]] = []
        self._chunks: list[npt.NDArray[np.int32]] = []
        self._last = np.zeros(1, np.int32)

    def feed(self, frames: Frames) -> None:
        """Take the next frames, (n, channels)."""
        require_frames(frames, self._channels)
        if not len(frames):
            return
        largest = np.zeros(len(frames) * 1000 // self._sample_rate_hz + 3, np.int32)
        starts_new = self._frames > 0 and self._step(self._frames) != self._step(self._frames - 1)
        if starts_new:
            self._pieces.append(self._last)
        else:
            largest[0] = self._last[0]
        bits = frames.reshape(-1).view(np.int32)
        used = largest_per_step(bits, self._channels, self._sample_rate_hz, self._frames, largest)
        self._frames += len(frames)
        self._pieces.append(largest[: used - 1].copy())
        self._last = largest[used - 1 : used].copy()
        if len(self._pieces) >= _PIECES:
            self._close_chunk()

    def _step(self, frame: int) -> int:
        return frame * 1000 // self._sample_rate_hz

    def _close_chunk(self) -> None:
        self._chunks.append(np.concatenate(self._pieces))
        self._pieces.clear()

    def take(self) -> npt.NDArray[np.float32]:
        """End the stream and return its envelope, the last open millisecond included.

        Gives up each chunk as it is copied: three hours are 43 MB, and not for a moment twice that.
        """
        self._pieces.append(self._last)
        self._close_chunk()
        envelope = np.empty(sum(map(len, self._chunks)), np.int32)
        at = 0
        while self._chunks:
            chunk = self._chunks.pop(0)
            envelope[at : at + len(chunk)] = chunk
            at += len(chunk)
        return envelope.view(np.float32)
