"""What every streaming block promises, and the checks at its door.

Audio blocks take float32 frames of shape (n, channels), C-contiguous, finite, n ≥ 0, and return
frames of the same shape, late by `delay_samples`. The output does not depend on how the stream was
cut. A block that refuses a piece (`BlockContractError`) has not changed its state. `reset()` makes
a block as good as new. `tests/dsp/contract_suite.py` holds every block to this.

Stream blocks take one-dimensional samples: float32 multiplex, complex64 IQ, or interleaved uint8
IQ. Where the rate changes, `output_length(n)` tells how many samples the next n will give, so that
a caller can own `out`. `tests/dsp/stream_contract_suite.py` holds them to the same promises.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]
IqBytes = npt.NDArray[np.uint8]


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
    if not _all_finite(frames):
        raise BlockContractError("frames", "finite samples", "NaN or infinity")


def _all_finite(values: npt.NDArray[Any]) -> bool:
    """Tell whether a float array holds neither NaN nor infinity."""
    # One pass and no temporary: a sum is finite only if all its terms are. It could overflow only
    # beyond 3e38 / n, far outside any signal.
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(np.sum(values)))


def output_for(frames: Frames, out: Frames | None) -> Frames:
    """Return `out` after checking that it fits `frames`, or a new array of that shape."""
    if out is None:
        return np.empty_like(frames)
    if out.shape != frames.shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise BlockContractError(
            "out", f"float32 {frames.shape}, C-contiguous", f"{out.dtype} {out.shape}"
        )
    return out


def require_sample_layout(samples: npt.NDArray[np.generic], *dtypes: type) -> None:
    """Raise BlockContractError unless `samples` is (n,), contiguous, of a dtype named.

    uint8 is interleaved I and Q and must come in pairs.
    """
    if not isinstance(samples, np.ndarray) or samples.dtype.type not in dtypes:
        expected = " or ".join(np.dtype(d).name for d in dtypes)
        actual = str(getattr(samples, "dtype", type(samples)))
        raise BlockContractError("samples.dtype", expected, actual)
    if samples.ndim != 1:
        raise BlockContractError("samples.shape", "(n,)", str(samples.shape))
    if not samples.flags.c_contiguous:
        raise BlockContractError("samples", "contiguous memory", f"strides {samples.strides}")
    if samples.dtype == np.uint8 and len(samples) % 2:
        raise BlockContractError("samples", "pairs of I and Q", f"{len(samples)} bytes")


def require_samples(samples: npt.NDArray[np.generic], *dtypes: type) -> None:
    """Raise BlockContractError unless `samples` has its layout and is finite."""
    require_sample_layout(samples, *dtypes)
    if samples.dtype == np.uint8:
        return
    if not _all_finite(samples.view(samples.real.dtype)):
        raise BlockContractError("samples", "finite samples", "NaN or infinity")


def output_of(
    shape: int | tuple[int, ...], dtype: type, out: npt.NDArray[Any] | None
) -> npt.NDArray[Any]:
    """Return `out` after checking that it has `shape` and `dtype`, or a new array like that."""
    wanted = shape if isinstance(shape, tuple) else (shape,)
    if out is None:
        return np.empty(wanted, dtype)
    fits = isinstance(out, np.ndarray) and out.shape == wanted and out.dtype == dtype
    if not fits or not out.flags.c_contiguous or not out.flags.writeable:
        actual = f"{getattr(out, 'dtype', type(out))} {getattr(out, 'shape', '')}"
        name = np.dtype(dtype).name
        raise BlockContractError("out", f"writable {name} {wanted}, C-contiguous", actual)
    return out
