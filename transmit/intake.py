"""The first steps of mastering: a source's blocks, made finite, of the target's channels and rate.

The resampler's delay is its own business: what comes out is aligned with what went in, and its
length is the source's duration to the nearest sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import soxr

from dsp.contract import BlockContractError, Frames
from dsp.master.finite import FiniteGate
from transmit.channel_mix import ChannelMix
from transmit.target import Target


class Intake:
    """A source on its way into a chain; `blocks` may be run once.

    Attributes
    ----------
    not_finite, out_of_range
        What the gate met, once the blocks have been read.
    """

    def __init__(
        self,
        source: Iterable[npt.NDArray[np.float32]],
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
            if frames.dtype != np.float32:
                raise BlockContractError("frames.dtype", "float32", str(frames.dtype))
            self._taken += len(frames)
            yield self._mix.process(self._gate.process(np.ascontiguousarray(frames)))

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
    source: Iterable[npt.NDArray[np.float32]], sample_rate_hz: int, channels: int, target: Target
) -> Intake:
    """Build the intake of a source for a target."""
    return Intake(
        source,
        (sample_rate_hz, target.sample_rate_hz),
        (channels, target.channel_count(channels)),
    )
