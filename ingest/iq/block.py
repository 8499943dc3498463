"""What every source of radio samples hands out: blocks that know their place, time and losses.

Samples are counted from the start of the capture, the lost ones included: `index` of a block is
where its first sample belongs, so that a sample's time never depends on what went missing before
it. `missing_samples` of them were lost immediately before the block; a gap is never filled in.

Two forms of samples: uint8 as the dongle delivers them, I and Q interleaved, and complex64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SampleFormat = Literal["u8", "complex64"]
TimeBasis = Literal["recorded", "assumed", "received", "simulated"]

# An 8-bit sample x stands for (x - 127.5) / 127.5: the two middle codes are equally near to zero.
U8_MIDDLE = 127.5
FULL_SCALE: dict[SampleFormat, float] = {"u8": 127.5, "complex64": 1.0}


@dataclass(frozen=True, slots=True)
class IqBlock:
    """A stretch of a capture without a hole in it.

    Parameters
    ----------
    samples
        uint8 (2n,), I and Q in turn, or complex64 (n,), C-contiguous. The memory belongs to the
        source and is valid until the next block is asked for.
    index
        Place of the first sample in the capture, counted with the missing ones.
    time_utc
        Aware; when the first sample was taken, by `IqSource.time_basis`.
    missing_samples
        Lost immediately before this block.
    """

    samples: NDArray[np.uint8] | NDArray[np.complex64]
    index: int
    time_utc: datetime
    missing_samples: int = 0

    @property
    def count(self) -> int:
        """Number of complex samples."""
        return len(self.samples) // 2 if self.samples.dtype == np.uint8 else len(self.samples)

    @property
    def end_index(self) -> int:
        """Place of the sample after the last one, where a block without loss would follow."""
        return self.index + self.count


class IqSource(Protocol):
    """A capture, live or recorded, read once from its start.

    `centre_hz` is None where nothing says which frequency the capture was tuned to.
    `full_scale` is the size of a sample, its middle taken off, that counts as 0 dBFS.
    `time_basis` says where `time_utc` comes from: "recorded" (the file says so), "assumed" (nothing
    does: the capture is taken to begin when it was opened), "received" (this machine's clock when
    the samples arrived) or "simulated".
    """

    rate_hz: int
    centre_hz: float | None
    sample_format: SampleFormat
    full_scale: float

    @property
    def time_basis(self) -> TimeBasis:
        """Where `time_utc` comes from."""

    def blocks(self) -> Iterator[IqBlock]:
        """Yield the capture block by block; ends with it, or never for a live source.

        Raises
        ------
        Refusal
            As soon as the capture turns out to be broken or its device is gone for good.
        """

    def close(self) -> None:
        """Let go of file, socket and device; `blocks` ends. May be called from any thread."""

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noticed so far: {"kind": …, "detail": …, …}, oldest first.

        Kinds: truncated, not_finite, gap, repeated_buffer, stall, reconnected, clipped_header.
        """
