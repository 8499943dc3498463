"""What every streaming block promises, and the checks at its door.

Audio blocks take float32 frames of shape (n, channels), C-contiguous, finite, n ≥ 0, and return
frames of the same shape, late by `delay_samples`. The output does not depend on how the stream was
cut. A block that refuses a piece (`BlockContractError`) has not changed its state. `reset()` makes
a block as good as new. `tests/dsp/contract_suite.py` holds every block to this.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]


class BlockContractError(ValueError):
    """A piece that a block cannot take: the name of the argument, what was expected, what came."""

    def __init__(self, name: str, expected: str, actual: str) -> None:
        super().__init__(f"{name}: expected {expected}, got {actual}")
        self.name = name
        self.expected = expected
        self.actual = actual


class AudioBlock(Protocol):
    """A stage of an audio chain."""

    delay_samples: int

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next `len(frames)` frames of output, in `out` where one is given."""

    def reset(self) -> None:
        """Forget the stream."""


def require_layout(frames: npt.NDArray[np.generic], channels: int, *dtypes: type) -> None:
    """Raise BlockContractError unless `frames` is (n, channels), C-contiguous, of a dtype named."""
    if not isinstance(frames, np.ndarray) or frames.dtype.type not in dtypes:
        expected = " or ".join(np.dtype(d).name for d in dtypes)
        actual = str(getattr(frames, "dtype", type(frames)))
        raise BlockContractError("frames.dtype", expected, actual)
    if frames.ndim != 2 or frames.shape[1] != channels:
        raise BlockContractError("frames.shape", f"(n, {channels})", str(frames.shape))
    if not frames.flags.c_contiguous:
        raise BlockContractError("frames", "C-contiguous memory", f"strides {frames.strides}")


def require_frames(frames: Frames, channels: int) -> None:
    """Raise BlockContractError unless `frames` is finite float32 (n, channels), C-contiguous."""
    require_layout(frames, channels, np.float32)
    # One pass and no temporary: a sum is finite only if all its terms are. It could overflow only
    # beyond 3e38 / n, far outside audio.
    if not np.isfinite(np.sum(frames)):
        raise BlockContractError("frames", "finite samples", "NaN or infinity")


def output_for(frames: Frames, out: Frames | None) -> Frames:
    """Return `out` after checking that it fits `frames`, or a new array of that shape."""
    if out is None:
        return np.empty_like(frames)
    if out.shape != frames.shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise BlockContractError(
            "out", f"float32 {frames.shape}, C-contiguous", f"{out.dtype} {out.shape}"
        )
    return out
