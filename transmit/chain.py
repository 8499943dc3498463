"""A mastering chain: the stages of a profile, built for one programme and run as one block.

The measured figures of the programme set the chain up (trim to the nominal speech level, thresholds
over its own noise, a hum notch only where it hums). The chain holds no normaliser and no limiter:
`transmit.mastering` puts the gain to the target loudness and the limiter behind it, and a gate
against NaN and infinity before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.contract import Frames, output_for, require_frames
from dsp.master.biquad import BiquadCascade
from transmit.stages import describe_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsp.contract import AudioBlock
    from transmit.profile import Profile
    from transmit.stages import Figures

# Frames that pass all stages while they are still in the second-level cache: 96 KiB of mono. Whole
# laps of the filters (1536 frames at 24, 48 and 96 kHz): a lap cut in two is run twice.
_PIECE = 24_576


class Chain:
    """Blocks one behind the other; itself a block whose delay is the sum of theirs."""

    def __init__(self, channels: int, blocks: Iterable[AudioBlock]) -> None:
        self.channels = channels
        self.blocks = tuple(blocks)
        self._run = joined(self.blocks)
        self.delay_samples = sum(block.delay_samples for block in self.blocks)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Master (n, channels) → (n, channels), late by `delay_samples`.

        Allocates a missing `out`. Refuses as every block does, before any stage has moved.
        """
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        for start in range(0, len(frames), _PIECE):
            piece = frames[start : start + _PIECE]
            target = out[start : start + _PIECE]
            for block in self._run:
                piece = block.process(piece, target)
            if not self.blocks:
                target[:] = piece
        return out

    def reset(self) -> None:
        """Make every stage as good as new."""
        for block in self._run:
            block.reset()


def joined(blocks: Iterable[AudioBlock]) -> tuple[AudioBlock, ...]:
    """Make one cascade of neighbouring cascades: it costs little more than the longer of them."""
    run: list[AudioBlock] = []
    for block in blocks:
        before = run[-1] if run else None
        if isinstance(block, BiquadCascade) and isinstance(before, BiquadCascade):
            sections = np.vstack((before.sections, block.sections))
            run[-1] = BiquadCascade(sections, block.channels)
        else:
            run.append(block)
    return tuple(run)


def build_chain(profile: Profile, sample_rate_hz: int, channels: int, before: Figures) -> Chain:
    """Return the chain of `profile` for a programme measured as `before`.

    Parameters
    ----------
    profile
        Its stages are built in order; a stage that has nothing to do is left out.
    sample_rate_hz, channels
        Of the frames that the chain will be given.
    before
        Figures of the programme (`dsp.measure.programme`), at the level the chain will be given.

    Raises
    ------
    ValueError
        A setting that cannot be built at this rate (a corner above half of it).
    """
    source = describe_source(sample_rate_hz, channels, before)
    blocks = (stage.build(source) for stage in profile.stages)
    return Chain(channels, (block for block in blocks if block is not None))
