"""The first steps of mastering: a source's blocks, made finite, of the target's channels and rate.

The resampler's delay is its own business: what comes out is aligned with what went in, and its
length is the source's duration to the nearest sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import soxr

from dsp.contract import BlockContractError, Frames
from dsp.master.finite import FiniteGate
from transmit.channel_mix import ChannelMix
from transmit.spool import Spool
from transmit.target import Target

Block = npt.NDArray[np.float32] | npt.NDArray[np.int16]


class Intake:
    """A source on its way into a chain; `blocks` may be run once.

    Attributes
    ----------
    not_finite, out_of_range
        What the gate met, once the blocks have been read.
    """

    def __init__(
        self,
        source: Iterable[Block],
        rates_hz: tuple[int, int],
        channels: tuple[int, int],
    ) -> None:
        self._source = source
        self._rates_hz = rates_hz
        self._gate = FiniteGate(channels[0])
        self._mix = ChannelMix(*channels)
        self._channels = channels[1]
        self._taken = 0

    @property
    def not_finite(self) -> int:
        """Samples that were NaN or infinite."""
        return self._gate.not_finite

    @property
    def out_of_range(self) -> int:
        """Samples that were held at ±32."""
        return self._gate.out_of_range

    def blocks(self) -> Iterator[Frames]:
        """Give (n, channels) float32 frames at the target's rate."""
        if self._rates_hz[0] == self._rates_hz[1]:
            yield from self._gated()
        else:
            yield from self._resampled()

    def _gated(self) -> Iterator[Frames]:
        for frames in self._source:
            self._taken += len(frames)
            if frames.dtype == np.int16:
                yield self._mix.process_int16(np.ascontiguousarray(frames))
            elif frames.dtype == np.float32:
                yield self._mix.process(self._gate.process(np.ascontiguousarray(frames)))
            else:
                raise BlockContractError("frames.dtype", "int16 or float32", str(frames.dtype))

    def _resampled(self) -> Iterator[Frames]:
        rate_in_hz, rate_out_hz = self._rates_hz
        stream = soxr.ResampleStream(
            rate_in_hz, rate_out_hz, self._channels, dtype="float32", quality="HQ"
        )
        given = 0
        for frames in self._gated():
            # The end is cut to length below; a block is never longer than what is due plus the
            # tail.
            out = stream.resample_chunk(frames)
            given += len(out)
            yield np.ascontiguousarray(out)
        wanted = (self._taken * rate_out_hz + rate_in_hz // 2) // rate_in_hz
        rest = stream.resample_chunk(np.zeros((0, self._channels), np.float32), last=True)
        missing = max(0, wanted - given)
        tail = np.zeros((missing, self._channels), np.float32)
        tail[: len(rest)] = rest[:missing]
        yield tail


def conditioned(
    source: Iterable[Block], sample_rate_hz: int, channels: int, target: Target
) -> Intake:
    """Build the intake of a source for a target."""
    return Intake(
        source,
        (sample_rate_hz, target.sample_rate_hz),
        (channels, target.channel_count(channels)),
    )


class TakenIn:
    """A source at the target's rate and channels, on disk; a context manager that frees the disk.

    Parameters
    ----------
    source
        Blocks, (n, channels) int16 or float32; read once, here.
    form
        Sample rate in Hz and channels of the source.
    target
        Whose rate and channels are wanted.
    spool_dir
        Folder for the audio: 4 bytes a sample.

    Attributes
    ----------
    spool
        The programme.
    not_finite, out_of_range
        Samples of the source that were NaN or infinite, or beyond ±32.
    """

    def __init__(
        self,
        source: Iterable[Block],
        form: tuple[int, int],
        target: Target,
        spool_dir: Path | None = None,
    ) -> None:
        intake = conditioned(source, *form, target)
        self.spool = Spool(target.channel_count(form[1]), spool_dir)
        self._owned = True
        try:
            for frames in intake.blocks():
                self.spool.append(frames)
        except BaseException:
            self.close()
            raise
        self.not_finite = intake.not_finite
        self.out_of_range = intake.out_of_range

    def release(self) -> Spool:
        """Hand the spool over: whoever takes it closes it."""
        self._owned = False
        return self.spool

    def close(self) -> None:
        """Free the disk, unless the spool was handed over; may be called twice."""
        if self._owned:
            self.spool.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk."""
        self.close()
