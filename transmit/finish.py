"""Pass B of mastering: gain, limiter and fades into the result, until the loudness is right.

The solver's gain rests on a prediction of the limiter's work. What comes out is measured as it
goes; if the loudness is off by more than 0.05 LU the gain is corrected and the pass repeated, at
most three times in all. Where the limiter works hard the prediction is off by about a tenth of a
LU, so that a long programme is tried first on a tenth of itself: that saves a pass.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.contract import AudioBlock
from dsp.master.emphasis import Emphasis
from dsp.master.fm_limiter import FmLimiter
from dsp.master.limiter import TruePeakLimiter
from dsp.master.mpx_power import multiplex_square
from dsp.measure.loudness import KWeightedEnergy
from transmit.alignment import aligned, faded
from transmit.loudness_series import (
    CELLS_PER_S,
    CellMeans,
    ProgrammeSeries,
    Series,
    programme_loudness,
)
from transmit.loudness_solver import LoudnessSolver, Solution, mpx_meter
from transmit.mastered import MasterReport
from transmit.spool import Spool
from transmit.target import Target

RELEASE_S = (0.06, 0.5)
_MAX_PASSES = 3
_FADE_S = 0.002
_CLOSE_LU = 0.05
_TRACE_CELLS = 10  # 100 ms
_TRIED_LU = 1.0  # limiting from which the prediction is tried
_TRIAL_EVERY_S, _TRIAL_S, _RUN_IN_S = 40, 4.0, 2.0
_TRIAL_LEAST_S = 60


class Finish:
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
        """Fill the result; the counts are the source's and go into the report."""
        solution = self._solver.solve()
        wanted = self._target.loudness_lufs
        if self._is_worth_a_trial(solution):
            wanted += self._trial(solution.gain_db)
            solution = self._solver.solve(wanted)
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

    def _is_worth_a_trial(self, solution: Solution) -> bool:
        return (
            solution.limited_by is None
            and solution.mean_limiting_db > _TRIED_LU
            and self._spool.frames >= _TRIAL_LEAST_S * self._target.sample_rate_hz
        )

    def _trial(self, gain_db: float) -> float:
        """Return by how many LU the limiter leaves less than predicted, from a tenth of it all.

        Stretches of 4 s, of which the first 2 let the limiter's slow release run in: with 0.7 the
        trial heard 0.09 LU too much.
        """
        rate_hz, width = self._target.sample_rate_hz, self._spool.channels
        gain = np.float32(10.0 ** (gain_db / 20.0))
        predicted = self._solver.limited_energies(gain_db)
        first, last = round(_RUN_IN_S * CELLS_PER_S), round(_TRIAL_S * CELLS_PER_S)
        expected = came = 0.0
        count = round(_TRIAL_S * rate_hz)
        for start in range(0, self._spool.frames - count, _TRIAL_EVERY_S * rate_hz):
            energy = KWeightedEnergy(rate_hz, width)
            raised = self._spool.part(start, count) * gain
            for frames in aligned([raised], _limiter(self._target, width), width):
                energy.process(frames)
            cell = start * CELLS_PER_S // rate_hz
            # The last cells lack what follows them in the limiter's look-ahead.
            stop = last - 1
            came += float(energy.energies()[first:stop].sum())
            expected += float(predicted[cell + first : cell + stop].sum())
        return 10.0 * math.log10(expected / came) if came > 0.0 < expected else 0.0

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
