"""Cuts a stream of frames into chunks that always begin at the same sample, however it arrives.

Every meter here works on chunks of 16 whole seconds counted from the first frame; therefore figures
do not depend on how the caller cut the stream, and memory is one chunk. Samples are laid channel by
channel (planar) in units of the int16 step, so that int16 needs no scaling and float32 is
multiplied by the exact 32768. `HISTORY_MS` of the past stand in front of each chunk for filters to
warm up on.

NaN, infinities and anything beyond +120 dBFS are counted and measured as 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsp import kernel_types as types
from dsp.contract import require_layout
from dsp.kernel import kernel, ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

LANES = 16
LANE_MS = 1000
CHUNK_S = LANES * LANE_MS // 1000
HISTORY_MS = 90
FULL_SCALE = 32768.0
_BEYOND = FULL_SCALE * 1e6
_TINY = 1e-25

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000

_INT16 = types.Array(types.int16, 1, "C", readonly=True)
_FLOAT32 = types.Array(types.float32, 1, "C", readonly=True)
_PLANAR = types.Array(types.float32, 2, "C")
_COUNTS = types.Array(types.int64, 1, "C")


@kernel(types.void(_INT16, types.int64, _PLANAR, types.int64))
def spread_int16(samples: Any, first: Any, planar: Any, at: Any) -> None:
    """Lay interleaved int16 `samples` from frame `first` on into `planar` (channels, …) at `at`.

    Fills as many frames as both arrays have.
    """
    channels = planar.shape[0]
    count = min(samples.shape[0] // channels - first, planar.shape[1] - at)
    # Slices, so that all indices count from 0: numba would else ask of each if it is negative.
    piece = samples[first * channels : (first + count) * channels]
    if channels == 2:  # A constant stride: the compiler turns it into shuffles.
        left, right = planar[0, at : at + count], planar[1, at : at + count]
        for i in range(count):
            left[i] = piece[2 * i]
            right[i] = piece[2 * i + 1]
        return
    for c in range(channels):
        row, own = planar[c, at : at + count], piece[c:]
        for i in range(count):
            row[i] = own[i * channels]


@kernel(types.void(_FLOAT32, types.int64, _PLANAR, types.int64, _COUNTS))
def spread_float32(samples: Any, first: Any, planar: Any, at: Any, refused: Any) -> None:
    """As `spread_int16`, times 32768; count what is not measurable per channel in `refused`."""
    channels = planar.shape[0]
    count = min(samples.shape[0] // channels - first, planar.shape[1] - at)
    piece = samples[first * channels : (first + count) * channels]
    for c in range(channels):
        row, own = planar[c, at : at + count], piece[c:]
        bad = 0
        for i in range(count):
            value = own[i * channels] * np.float32(FULL_SCALE)
            size = abs(value)
            # NaN fails every comparison and so counts as refused.
            bad += 0 if size <= np.float32(_BEYOND) else 1
            fine = (size <= np.float32(_BEYOND)) & (size > np.float32(_TINY))
            row[i] = value if fine else np.float32(0.0)
        refused[c] += bad


class Chunks:
    """Collects frames into chunks of 16 seconds.

    Attributes
    ----------
    planar
        float32, shape (channels, history + chunk), in int16 steps; the history stands first.
    history, chunk
        Their lengths in samples.
    filled
        Samples of the current chunk that are there.
    total
        Samples per channel taken so far in the whole stream.
    refused
        int64, shape (channels,): samples that were not finite (or beyond +120 dBFS).
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(
                f"sample_rate_hz: expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}, "
                f"got {sample_rate_hz}"
            )
        ready(spread_int16, spread_float32)
        self.sample_rate_hz = int(sample_rate_hz)
        self.channels = channels
        self.history = -(-HISTORY_MS * self.sample_rate_hz // 1000)
        self.chunk = CHUNK_S * self.sample_rate_hz
        width = self.history + self.chunk
        # Sixteen more: whoever takes sixteen samples at a time may run over the end.
        self._room = np.zeros(channels * width + LANES, dtype=np.float32)
        self.planar = self._room[:-LANES].reshape(channels, width)
        self.refused = np.zeros(channels, dtype=np.int64)
        self.filled = 0
        self.total = 0

    def padded(self, channel: int) -> npt.NDArray[np.float32]:
        """Return a channel of `planar` with sixteen numbers more behind it, which mean nothing."""
        width = self.planar.shape[1]
        return self._room[channel * width : (channel + 1) * width + LANES]

    def push(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> Iterator[int]:
        """Take `frames` (n, channels); yield the number of valid samples of each full chunk.

        The caller measures `planar` before asking for the next chunk.

        Raises
        ------
        BlockContractError
            If `frames` is not int16 or float32, C-contiguous, of shape (n, channels).
        """
        require_layout(frames, self.channels, np.int16, np.float32)
        samples = frames.reshape(-1)
        first = 0
        while first < len(frames):
            take = min(len(frames) - first, self.chunk - self.filled)
            at = self.history + self.filled
            if samples.dtype == np.int16:
                spread_int16(samples, first, self.planar, at)
            else:
                spread_float32(samples, first, self.planar, at, self.refused)
            first += take
            self.filled += take
            self.total += take
            if self.filled == self.chunk:
                yield self.chunk
                self._advance()

    def flush(self) -> Iterator[int]:
        """Yield the last, incomplete chunk, filled up with zeros, if there is one."""
        if self.filled:
            self.planar[:, self.history + self.filled :] = 0.0
            yield self.filled
            self.filled = 0

    def reset(self) -> None:
        """Forget the stream."""
        self.planar[:, : self.history] = 0.0
        self.refused[:] = 0
        self.filled = 0
        self.total = 0

    def _advance(self) -> None:
        self.planar[:, : self.history] = self.planar[:, self.chunk :]
        self.filled = 0
