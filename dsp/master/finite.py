"""The gate at the door of a chain: whatever a decoder hands over, what goes on is finite audio.

NaN and infinity become silence and are counted; values beyond ±`LIMIT` (30 dB over full scale, no
real programme) are held there and counted; denormals become zero, because filters choke on them.
"""

from __future__ import annotations

import numpy as np

from dsp import kernel_types as types
from dsp.contract import Frames, output_for, require_layout
from dsp.kernel import kernel, ready

LIMIT = 32.0
_SMALLEST = 1e-20  # -400 dBFS: far below audio, far above the denormals of float32

FRAMES = types.Array(types.float32, 2, "C")
FRAMES_IN = types.Array(types.float32, 2, "C", readonly=True)
COUNTS = types.Array(types.int64, 1, "C")


@kernel(types.void(FRAMES_IN, COUNTS, FRAMES))
def pass_finite(frames, counts, out):
    """Copy `frames` to `out` made finite; add to `counts` = [not finite, held at the limit]."""
    source = frames.reshape(-1)
    target = out.reshape(-1)
    limit = np.float32(LIMIT)
    smallest = np.float32(_SMALLEST)
    odd = 0
    for i in range(source.shape[0]):
        magnitude = abs(source[i])
        # Written so that NaN fails the comparison.
        good = magnitude <= limit
        odd += not good
        target[i] = source[i] if good and magnitude >= smallest else np.float32(0.0)
    if odd == 0:
        return
    for i in range(source.shape[0]):
        value = source[i]
        if not np.isfinite(value):
            counts[0] += 1
        elif abs(value) > limit:
            counts[1] += 1
            target[i] = np.copysign(limit, value)


class FiniteGate:
    """Makes a stream finite and counts what was not.

    Attributes
    ----------
    not_finite, out_of_range
        How many samples were NaN or infinite, and how many beyond ±32.
    """

    delay_samples = 0

    def __init__(self, channels: int) -> None:
        if channels < 1:
            raise ValueError(f"channels: expected at least 1, got {channels}")
        ready(pass_finite)
        self.channels = channels
        self._counts = np.zeros(2, np.int64)

    @property
    def not_finite(self) -> int:
        """Samples that were NaN or infinite."""
        return int(self._counts[0])

    @property
    def out_of_range(self) -> int:
        """Finite samples that were held at ±32."""
        return int(self._counts[1])

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return finite frames of the same shape; allocates the output only.

        `out` may be `frames` itself where the new samples are all that is wanted of it.
        """
        require_layout(frames, self.channels, np.float32)
        target = output_for(frames, out)
        pass_finite(frames, self._counts, target)
        return target

    def reset(self) -> None:
        """Forget the stream and the counts."""
        self._counts[:] = 0
