"""Mastering in two passes: any source in, a programme of the target's loudness and ceiling out.

Pass A: blocks -> finite -> channels -> rate -> chain -> band limit -> spool, and two series for the
solver (loudness_series.py). The solver finds the gain without touching audio. Pass B: spool -> gain
-> limiter -> result spool, measured as it goes; if the loudness is off by more than 0.05 LU the
gain is corrected and pass B repeated, at most three times in all. Every delay is taken out again:
the master is exactly as long as the source. Its first and last 2 ms are faded: a wave cut off at
full level would overshoot in every converter.

Memory holds blocks and the series (17 MB an hour), never the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from dsp.contract import AudioBlock, Frames
from dsp.errors import Refusal
from dsp.master.emphasis import Emphasis
from dsp.master.fm_limiter import FmLimiter, make_audio_low_pass
from dsp.master.limiter import TruePeakLimiter, make_band_limit
from dsp.master.low_pass import LinearPhaseLowPass
from dsp.master.mpx_power import multiplex_square
from dsp.master.peak_envelope import PeakEnvelope
from dsp.measure.loudness import KWeightedEnergy
from transmit.intake import conditioned
from transmit.loudness_series import CellMeans, ProgrammeSeries, Series, programme_loudness
from transmit.loudness_solver import LimitedBy, LoudnessSolver, Solution, mpx_meter
from transmit.spool import Spool
from transmit.target import Target

Source = Callable[[], Iterable[npt.NDArray[np.float32]]]

RELEASE_S = (0.06, 0.5)
_MAX_PASSES = 3
_FADE_S = 0.002
_CLOSE_LU = 0.05
_TRACE_CELLS = 10  # 100 ms


@dataclass(frozen=True)
class MasterReport:
    """What was done to a programme.

    Attributes
    ----------
    gain_db
        Gain ahead of the limiter.
    loudness_lufs
        Integrated loudness of the master (mono as dual mono); None for silence.
    limited_by
        None where the target's loudness was reached; else what stood in the way.
    shortfall_lu
        How far the master stays below the target, 0 where it does not.
    mean_limiting_db
        Loudness that the limiter took away.
    mpx_power_dbr
        Highest MPX power over any 60 s; None without FM.
    not_finite, out_of_range
        Samples of the source that were NaN or infinite, or beyond ±32.
    passes
        How often pass B ran.
    limiter_trace_db
        Gain of the limiter per 100 ms (K-weighted energy out over in), float32.
    momentary_energy
        K-weighted mean square of the master per 10 ms.
    """

    gain_db: float
    loudness_lufs: float | None
    limited_by: LimitedBy | None
    shortfall_lu: float
    mean_limiting_db: float
    mpx_power_dbr: float | None
    not_finite: int
    out_of_range: int
    passes: int
    limiter_trace_db: npt.NDArray[np.float32]
    momentary_energy: Series


class MasteredProgramme:
    """A finished master on disk; close it, or use it in a `with` statement, to free the disk.

    Attributes
    ----------
    sample_rate_hz, channels, frames
        Of the master.
    report
        What was done.
    """

    def __init__(self, spool: Spool, sample_rate_hz: int, report: MasterReport) -> None:
        self._spool = spool
        self.sample_rate_hz = sample_rate_hz
        self.channels = spool.channels
        self.frames = spool.frames
        self.report = report

    @property
    def gain_db(self) -> float:
        """Gain ahead of the limiter."""
        return self.report.gain_db

    @property
    def limited_by(self) -> LimitedBy | None:
        """What kept the master from its target loudness, or None."""
        return self.report.limited_by

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    def blocks(self, block_frames: int = 16_384) -> Iterator[Frames]:
        """Give the master in new float32 arrays (n, channels), as often as wanted."""
        return self._spool.blocks(block_frames)

    def close(self) -> None:
        """Free the disk."""
        self._spool.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk."""
        self.close()


def aligned(blocks: Iterable[Frames], block: AudioBlock, channels: int) -> Iterator[Frames]:
    """Run `blocks` through `block` and take its delay out: as many frames out as in, in place."""
    skip = block.delay_samples
    for frames in blocks:
        out = block.process(frames)
        if skip:
            dropped = min(skip, len(out))
            skip -= dropped
            out = out[dropped:]
        if len(out):
            yield out
    tail = block.process(np.zeros((block.delay_samples, channels), np.float32))
    if len(tail[skip:]):
        yield tail[skip:]


def faded(blocks: Iterable[Frames], total_frames: int, fade_frames: int) -> Iterator[Frames]:
    """Fade the first and the last `fade_frames` of a programme (half of it at most), in place."""
    length = min(fade_frames, total_frames // 2)
    ramp = np.sin(0.5 * np.pi * np.arange(length) / max(1, length)).astype(np.float32) ** 2
    at = 0
    for frames in blocks:
        head = ramp[at : at + len(frames)]
        frames[: len(head)] *= head[:, None]
        # The ramp counted from the end of the programme: sample total - 1 is the first of it.
        left = total_frames - at
        first = max(0, left - length)
        if first < len(frames):
            steps = left - 1 - np.arange(first, len(frames))
            frames[first:] *= ramp[steps][:, None]
        at += len(frames)
        yield frames


class _Survey:
    """Gathers the series for the solver while the band-limited programme goes to its spool."""

    def __init__(self, target: Target, channels: int) -> None:
        rate_hz = target.sample_rate_hz
        self._energy = KWeightedEnergy(rate_hz, channels)
        self._peaks = PeakEnvelope(rate_hz, channels)
        self._emphasis = (
            Emphasis(rate_hz, channels, tau_us=target.fm.pre_emphasis_us) if target.fm else None
        )
        self._mpx = CellMeans(rate_hz)

    def feed(self, frames: Frames) -> None:
        self._energy.process(frames)
        if self._emphasis is not None:
            frames = self._emphasis.process(frames)
            self._mpx.feed(multiplex_square(frames))
        self._peaks.feed(frames)

    def series(self) -> ProgrammeSeries:
        return ProgrammeSeries(
            self._energy.energies(),
            self._peaks.take(),
            self._mpx.values() if self._emphasis is not None else None,
        )


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
    width = target.channel_count(channels)
    survey = _Survey(target, width)
    spool, result = Spool(width, spool_dir), Spool(width, spool_dir)
    try:
        chain.reset()
        intake = conditioned(source(), sample_rate_hz, channels, target)
        treated = aligned(intake.blocks(), chain, width)
        for frames in aligned(treated, _band_limit(target, width), width):
            spool.append(frames)
            survey.feed(frames)
        _require_sound(spool)
        series = survey.series()
        del survey  # its filters and its copy of the energies
        finish = _Finish(series, spool, result, target)
        report = finish.run(intake.not_finite, intake.out_of_range)
    except BaseException:
        result.close()
        raise
    finally:
        spool.close()
    return MasteredProgramme(result, target.sample_rate_hz, report)


def _require_sound(spool: Spool) -> None:
    if not spool.frames:
        raise Refusal(
            "audio.empty",
            expected="at least one sample",
            got="a programme of length 0",
            advice="another file",
        )


class _Finish:
    """Pass B: spool, gain, limiter, result, until the loudness is right."""

    def __init__(
        self, series: ProgrammeSeries, spool: Spool, result: Spool, target: Target
    ) -> None:
        self._series = series
        self._spool = spool
        self._result = result
        self._target = target
        self._solver = LoudnessSolver(series, target, RELEASE_S)
        self._energies: Series = np.zeros(0)
        self._mpx_dbr: float | None = None

    def run(self, not_finite: int, out_of_range: int) -> MasterReport:
        solution = self._solver.solve()
        wanted = self._target.loudness_lufs
        slope, before = 1.0, (wanted, wanted)
        for passes in range(1, _MAX_PASSES + 1):
            loudness = self._pass_b(solution.gain_db)
            if solution.limited_by is not None or loudness is None or passes == _MAX_PASSES:
                break
            error = self._target.loudness_lufs - loudness
            if abs(error) <= _CLOSE_LU:
                break
            # What was predicted wrongly at this gain will be wrong by as much next to it; from the
            # second pass on the measured slope tells better.
            if passes > 1 and wanted != before[0]:
                slope = min(1.5, max(0.25, (loudness - before[1]) / (wanted - before[0])))
            before = (wanted, loudness)
            wanted += error / slope
            solution = self._solver.solve(wanted)
        return self._report(solution, loudness, passes, not_finite, out_of_range)

    def _pass_b(self, gain_db: float) -> float | None:
        target, width = self._target, self._spool.channels
        gain = np.float32(10.0 ** (gain_db / 20.0))
        energy = KWeightedEnergy(target.sample_rate_hz, width)
        emphasis, mpx = None, CellMeans(target.sample_rate_hz)
        if target.fm is not None:
            emphasis = Emphasis(target.sample_rate_hz, width, tau_us=target.fm.pre_emphasis_us)
        self._result.clear()
        raised = (np.multiply(frames, gain, out=frames) for frames in self._spool.blocks())
        limited = aligned(raised, _limiter(target, width), width)
        fade_frames = round(_FADE_S * target.sample_rate_hz)
        for frames in faded(limited, self._spool.frames, fade_frames):
            energy.process(frames)
            if emphasis is not None:
                mpx.feed(multiplex_square(emphasis.process(frames)))
            self._result.append(frames)
        self._energies = energy.energies()
        meter = mpx_meter(target)
        self._mpx_dbr = meter.largest_dbr(mpx.values()) if meter is not None else None
        return programme_loudness(self._energies)

    def _report(
        self,
        solution: Solution,
        loudness: float | None,
        passes: int,
        not_finite: int,
        out_of_range: int,
    ) -> MasterReport:
        short = 0.0 if loudness is None else max(0.0, self._target.loudness_lufs - loudness)
        before = self._series.energies * 10.0 ** (solution.gain_db / 10.0)
        free = programme_loudness(before)
        taken = 0.0 if free is None or loudness is None else max(0.0, free - loudness)
        return MasterReport(
            gain_db=solution.gain_db,
            loudness_lufs=loudness,
            limited_by=solution.limited_by,
            shortfall_lu=short,
            mean_limiting_db=taken,
            mpx_power_dbr=self._mpx_dbr,
            not_finite=not_finite,
            out_of_range=out_of_range,
            passes=passes,
            limiter_trace_db=_trace_db(before, self._energies),
            momentary_energy=self._energies,
        )


def _trace_db(before: Series, after: Series) -> npt.NDArray[np.float32]:
    """Gain per 100 ms from energies per 10 ms; 0 dB in silence."""
    whole = min(len(before), len(after)) // _TRACE_CELLS * _TRACE_CELLS
    sums = [e[:whole].reshape(-1, _TRACE_CELLS).sum(axis=1) + 1e-12 for e in (before, after)]
    return np.asarray(10.0 * np.log10(sums[1] / sums[0]), np.float32)


def _band_limit(target: Target, channels: int) -> LinearPhaseLowPass:
    make = make_audio_low_pass if target.fm is not None else make_band_limit
    return make(target.sample_rate_hz, channels)


def _limiter(target: Target, channels: int) -> AudioBlock:
    if target.fm is None:
        return TruePeakLimiter(
            target.sample_rate_hz,
            channels,
            ceiling_dbtp=target.ceiling_dbtp,
            release_s=RELEASE_S,
            band_limit=False,
        )
    return FmLimiter(
        target.sample_rate_hz,
        channels,
        ceiling_dbtp=target.ceiling_dbtp,
        tau_us=target.fm.pre_emphasis_us,
        release_s=RELEASE_S,
        band_limit=False,
    )
