"""Which gain, ahead of the limiter, makes a programme as loud as its target asks.

The answer is searched on the series of one pass (loudness_series.py) with the limiter's work
predicted from the peaks (dsp/master/gain_prediction.py); audio is not touched. Loudness rises with
the gain, limiting and MPX power rise with it too, so that each condition is the search for one
root: seven predictions where a bisection takes sixteen.

Limits, in this order: `max_gain_db`; how hard the limiter may work ("peaks"); MPX power. The
limiter may take away 4 LU on average and more than 10 dB in no more than 1 % of the time: up to
there it shaves syllable peaks; beyond that speech begins to sound dense and its consonants dull.
Ordinary speech needs up to 3.6 LU for `ip`, and one that stopped short of its loudness would be
raised when it is mastered again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsp.master.gain_prediction import GainPrediction
from dsp.master.mpx_power import MpxPower
from transmit.loudness_series import ProgrammeSeries, Series, programme_loudness
from transmit.root_search import highest_not_above
from transmit.target import Target

LimitedBy = Literal["peaks", "mpx_power", "max_gain"]

LOWEST_GAIN_DB = -60.0
_TOLERANCE_DB = 0.002
_DEEP_SHARE = 0.01
_SILENT = -200.0
_LIMITING_DB = 0.01  # less than this is rounding, not limiting


@dataclass(frozen=True)
class Solution:
    """A gain and what is expected of it.

    Attributes
    ----------
    gain_db
        Gain ahead of the limiter.
    loudness_lufs
        Predicted loudness; None for silence.
    limited_by
        What kept the programme from its target, or None.
    mean_limiting_db
        Loudness that the limiter takes away.
    deep_share
        Share of time with more than `max_peak_limiting_db` of gain reduction.
    """

    gain_db: float
    loudness_lufs: float | None
    limited_by: LimitedBy | None
    mean_limiting_db: float
    deep_share: float


@dataclass(frozen=True)
class _Outcome:
    loudness_lufs: float | None
    mean_limiting_db: float
    deep_share: float
    mpx_dbr: float


class LoudnessSolver:
    """Finds the gain for one programme.

    Parameters
    ----------
    series
        What the first pass gathered.
    target
        What the master has to be.
    release_s
        The limiter's release times.
    """

    def __init__(
        self, series: ProgrammeSeries, target: Target, release_s: tuple[float, float]
    ) -> None:
        self._series = series
        self._target = target
        ceiling = 10.0 ** (target.ceiling_dbtp / 20.0)
        self._prediction = GainPrediction(series.peaks, ceiling, release_s)
        self._mpx = mpx_meter(target)
        self._free_lufs = programme_loudness(series.energies)
        self._known: dict[float, _Outcome] = {}

    def outcome(self, gain_db: float) -> _Outcome:
        """Predict what a gain leads to."""
        if gain_db not in self._known:
            self._known[gain_db] = self._predict(gain_db)
        return self._known[gain_db]

    def _predict(self, gain_db: float) -> _Outcome:
        power, deep_share = self._prediction.at(
            10.0 ** (gain_db / 20.0), self._target.max_peak_limiting_db
        )
        scale = 10.0 ** (gain_db / 10.0)
        cells = min(len(power), len(self._series.energies))
        free = self._series.energies[:cells] * scale
        limited = programme_loudness(free, power[:cells])
        unlimited = programme_loudness(free)
        taken = 0.0 if limited is None or unlimited is None else max(0.0, unlimited - limited)
        mpx_dbr = -np.inf
        if self._mpx is not None and self._series.mpx_energies is not None:
            cells = min(len(power), len(self._series.mpx_energies))
            mpx_dbr = self._mpx.largest_dbr(
                self._series.mpx_energies[:cells] * scale * power[:cells]
            )
        return _Outcome(limited, taken, deep_share, float(mpx_dbr))

    def limited_energies(self, gain_db: float) -> Series:
        """Return the K-weighted mean squares per 10 ms predicted behind the limiter."""
        power, _ = self._prediction.at(10.0 ** (gain_db / 20.0))
        cells = min(len(power), len(self._series.energies))
        energies = self._series.energies[:cells] * power[:cells]
        return np.asarray(energies * 10.0 ** (gain_db / 10.0))

    def solve(self, wanted_lufs: float | None = None) -> Solution:
        """Find the gain for the target's loudness, or for `wanted_lufs` in its place."""
        target = self._target
        wanted = target.loudness_lufs if wanted_lufs is None else wanted_lufs
        most = 10.0 ** (target.max_gain_db / 10.0)
        if programme_loudness(self._series.energies * most) is None:
            return Solution(0.0, None, "max_gain", 0.0, 0.0)
        limited_by: LimitedBy | None = None
        gain_db = self._highest(lambda o: _or_silent(o.loudness_lufs) - wanted, wanted_lufs=wanted)
        if gain_db >= target.max_gain_db:
            loudest = self.outcome(gain_db)
            limited_by = "peaks" if loudest.mean_limiting_db > _LIMITING_DB else "max_gain"
            if _or_silent(loudest.loudness_lufs) >= wanted - _TOLERANCE_DB:
                limited_by = None
        if self._uncleanness(self.outcome(gain_db)) > 0.0:
            gain_db, limited_by = self._highest(self._uncleanness, gain_db), "peaks"
        if self._over_mpx(self.outcome(gain_db)) > 0.0:
            gain_db, limited_by = self._highest(self._over_mpx, gain_db), "mpx_power"
        final = self.outcome(gain_db)
        return Solution(
            gain_db, final.loudness_lufs, limited_by, final.mean_limiting_db, final.deep_share
        )

    def _uncleanness(self, outcome: _Outcome) -> float:
        """Above 0 where the limiter works harder than the target allows."""
        return max(
            outcome.mean_limiting_db - self._target.max_mean_limiting_db,
            100.0 * (outcome.deep_share - _DEEP_SHARE),
        )

    def _over_mpx(self, outcome: _Outcome) -> float:
        """Above 0 where the MPX power is over its limit."""
        fm = self._target.fm
        if fm is None or fm.mpx_power_dbr is None:
            return 0.0
        return max(_SILENT, outcome.mpx_dbr) - fm.mpx_power_dbr

    def _highest(
        self,
        excess: Callable[[_Outcome], float],
        top_db: float | None = None,
        wanted_lufs: float | None = None,
    ) -> float:
        """Highest gain at which `excess`, which rises with the gain, is not above 0."""
        high = self._target.max_gain_db if top_db is None else top_db
        guess = None
        if wanted_lufs is not None and self._free_lufs is not None:
            # Without a limiter this would be it: with one it is not less.
            guess = wanted_lufs - self._free_lufs
        return highest_not_above(
            lambda gain_db: excess(self.outcome(gain_db)),
            (min(LOWEST_GAIN_DB, high), high),
            _TOLERANCE_DB,
            guess,
        )


def _or_silent(level: float | None) -> float:
    return _SILENT if level is None else level


def mpx_meter(target: Target) -> MpxPower | None:
    """Build the MPX power meter for a target, None where it is not for FM."""
    if target.fm is None:
        return None
    return MpxPower(
        audio_deviation_hz=target.fm.audio_deviation_hz,
        pilot_hz=target.fm.pilot_hz,
        rds_hz=target.fm.rds_hz,
    )
