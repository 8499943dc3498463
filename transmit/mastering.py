"""Mastering in two passes: any source in, a programme of the target's loudness and ceiling out.

Taken in (intake.py): blocks -> finite -> channels -> rate -> spool. Pass A: spool -> chain -> band
limit -> spool, and two series for the solver (survey.py). The solver finds the gain without
touching audio. Pass B (finish.py): spool -> gain -> limiter -> result, measured as it goes. Every
delay is taken out again: the master is exactly as long as the source. Its first and last 2 ms are
faded: a wave cut off at full level would overshoot in every converter.

A chain is built from what was measured, so a source is measured first. It can be measured while it
is taken in, and is then decoded once. Memory holds blocks and the series, never the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.contract import AudioBlock
from dsp.errors import Refusal
from dsp.master.fm_limiter import make_audio_low_pass
from dsp.master.limiter import make_band_limit
from dsp.master.low_pass import LinearPhaseLowPass
from transmit.alignment import aligned
from transmit.finish import Finish
from transmit.intake import TakenIn
from transmit.mastered import MasteredProgramme
from transmit.spool import Spool
from transmit.survey import Survey
from transmit.target import Target

Source = Callable[[], Iterable[npt.NDArray[np.float32] | npt.NDArray[np.int16]]]


def master(
    source: Source,
    sample_rate_hz: int,
    channels: int,
    chain: AudioBlock,
    target: Target,
    spool_dir: Path | None = None,
) -> MasteredProgramme:
    """Master one programme.

    Parameters
    ----------
    source
        Gives the programme's blocks, (n, channels) float32; called once.
    sample_rate_hz, channels
        Of the source; 1 to 6 channels.
    chain
        A block at the target's rate and channels; it is reset first.
    target
        What the master has to be.
    spool_dir
        Folder for the audio between the passes: 8 bytes a sample at the most.

    Returns
    -------
    MasteredProgramme
        To be closed by the caller.

    Raises
    ------
    Refusal
        ``audio.empty`` for a source without a frame, ``disk.spool`` where the disk fails, and
        whatever the source raises. Nothing is left behind.
    """
    with TakenIn(source(), (sample_rate_hz, channels), target, spool_dir) as taken:
        return master_taken(taken, chain, target, spool_dir)


def master_taken(
    taken: TakenIn, chain: AudioBlock, target: Target, spool_dir: Path | None = None
) -> MasteredProgramme:
    """Master a programme that was taken in for `target`; its spool is used up for the result.

    Arguments, result and errors as for `master`.
    """
    width = taken.spool.channels
    survey = Survey(target, width)
    spool = Spool(width, spool_dir)
    try:
        _require_sound(taken.spool)
        chain.reset()
        treated = aligned(taken.spool.blocks(), chain, width)
        for frames in aligned(treated, _band_limit(target, width), width):
            spool.append(frames)
            survey.feed(frames)
        series = survey.series()
        del survey  # its filters and its copy of the energies
        # What was taken in is not needed any more: the result takes its place on the disk.
        finish = Finish(series, spool, taken.spool, target)
        report = finish.run(taken.not_finite, taken.out_of_range)
    finally:
        spool.close()
    return MasteredProgramme(taken.release(), target.sample_rate_hz, report)


def _require_sound(spool: Spool) -> None:
    if not spool.frames:
        raise Refusal(
            "audio.empty",
            expected="at least one sample",
            got="a programme of length 0",
            advice="another file",
        )


def _band_limit(target: Target, channels: int) -> LinearPhaseLowPass:
    make = make_audio_low_pass if target.fm is not None else make_band_limit
    return make(target.sample_rate_hz, channels)
