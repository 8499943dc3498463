"""Peak deviation, its distribution, and the share of time over the limit (Rec. ITU-R SM.1268-5).

Annex 2: peaks are held for 50 ms slots, twenty a second; MAX is the highest of the trailing second;
the distribution has bins of 1 kHz; not more than 1e-6 of the samples may lie above the limit plus
the tolerance of 2 kHz. The carrier offset is removed first: with 7.5 kHz of it a tone of 60 kHz
would read +67.5 / -52.5. It is known best for a whole second, so it is taken off then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import FULL_SCALE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.grid import HOPS_PER_S
from dsp.receive.meters.deviation_peaks import BINS_PER_UNIT, HALF_BINS, HIGHEST, LOWEST
from dsp.receive.meters.exceedance import Exceedance
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.peak_bias import PeakBias
from dsp.receive.meters.quiet_crest import QuietSecond

SLOTS_PER_S = 20
FINE_HZ = FULL_SCALE_HZ / BINS_PER_UNIT
FINE_BINS = 2_100
DISTRIBUTION_BINS = FINE_BINS // 10
# What is left at high C/N: the interpolator between samples and the float32 phase steps.
_READING_SHARE = 4e-4
_READING_HZ = 15.0
# Signal that went with the noise, between that of a tone, which loses nothing, and of a programme,
# whose treble lies below the noise, the more of it the more noise; and what that is known to, in
# shares of the noise taken away (scenes at C/N 15 to 40 dB).
_LOST_SHARE = 0.38
_LOST_HALF_HZ = 3_000.0
_LOST_SHARE_UNSURE = 0.36

Counts = npt.NDArray[np.float64]
_COUNTS = types.Array(types.int64, 1, "C", readonly=True)
_FOLDED = types.Array(types.float64, 1, "C")


@kernel(types.void(_COUNTS, types.int64, types.float64, _FOLDED))
def share_counts(counts: Any, whole: Any, part: Any, folded: Any) -> None:
    """Add `counts`, moved down by `whole` + `part` bins, to the histogram of sizes `folded`."""
    last = folded.shape[0] - 1
    for i in range(counts.shape[0]):
        if counts[i] == 0:
            continue
        # Raw bin i covers (i - 2000 … i - 1999) - shift in bins: [place, place + 1) less `part`.
        place = i - HALF_BINS - whole
        size = place if place >= 0 else -place - 1
        folded[min(size, last)] += counts[i] * (1.0 - part)
        place -= 1
        size = place if place >= 0 else -place - 1
        folded[min(size, last)] += counts[i] * part


def fold(counts: npt.NDArray[np.int64], offset_hz: float) -> Counts:
    """Histogram of |deviation - offset| in bins of 100 Hz, from the raw one of -200 … +200 kHz.

    A raw bin that ends up across an edge is shared in proportion; what is beyond 210 kHz stays in
    the last bin.
    """
    folded = np.zeros(FINE_BINS)
    shift = offset_hz / FINE_HZ
    whole = math.floor(shift)
    share_counts(counts, whole, shift - whole, folded)
    return folded


@dataclass(frozen=True)
class DeviationSecond:
    """Deviation of one second: MAX, the 20 slots (+ and -), 1 kHz distribution, share over."""

    peak_hz: Figure
    raw_peak_hz: float
    slots_hz: npt.NDArray[np.float32]
    distribution: npt.NDArray[np.int64]
    over_limit_share: Figure
    over_limit_upper: float
    peak_hold_hz: Figure


class DeviationMeter:
    """Joins a second of hop figures and histogram with the carrier offset and the noise.

    Parameters
    ----------
    limit_hz
        Samples above this count as over: the rated deviation plus the tolerance of 2 kHz.
    """

    def __init__(self, limit_hz: float) -> None:
        if not 0.0 < limit_hz < FULL_SCALE_HZ * 2:
            raise ValueError(f"limit_hz: expected within (0, 200000), got {limit_hz}")
        ready(share_counts)
        self._bias = PeakBias()
        self.limit_hz = limit_hz
        self.reset()

    def reset(self) -> None:
        """Forget the observation: distribution, share and the held peak."""
        self._held = np.zeros(FINE_BINS)
        self._held_highest: QuietSecond | None = None
        self._over = Exceedance()

    def second(
        self,
        hops: npt.NDArray[np.float64],
        counts: npt.NDArray[np.int32],
        offset_hz: float,
        sigma_hz: float,
        quiet: QuietSecond,
    ) -> DeviationSecond:
        """Judge a second: `hops` (40, 4) and `counts` of `DeviationPeaks`, the noise `sigma_hz`.

        The peak is that of `quiet`: the highest crests with less noise on them.
        """
        assert len(hops) == HOPS_PER_S
        folded = fold(counts.sum(axis=0, dtype=np.int64), offset_hz)
        per_slot = hops.reshape(SLOTS_PER_S, -1, hops.shape[1])
        slots = np.stack(
            [
                per_slot[:, :, HIGHEST].max(axis=1) * FULL_SCALE_HZ - offset_hz,
                per_slot[:, :, LOWEST].min(axis=1) * FULL_SCALE_HZ - offset_hz,
            ],
            axis=1,
        ).astype(np.float32)
        raw_hz = float(np.abs(slots).max())
        crests = fold(quiet.counts.sum(axis=0, dtype=np.int64), offset_hz)
        self._held += crests
        if self._held_highest is None or quiet.highest_hz > self._held_highest.highest_hz:
            # The noise that counts is that of the second with the highest crest.
            self._held_highest = quiet
        share, share_u, upper = self._over.add(folded, FINE_HZ, self.limit_hz, sigma_hz)
        return DeviationSecond(
            peak_hz=self._peak(crests, quiet),
            raw_peak_hz=raw_hz,
            slots_hz=slots,
            distribution=np.rint(folded.reshape(-1, 10).sum(axis=1)).astype(np.int64),
            over_limit_share=Figure(share, share_u),
            over_limit_upper=upper,
            peak_hold_hz=self._peak(self._held, self._held_highest),
        )

    def _peak(self, folded: Counts, quiet: QuietSecond) -> Figure:
        highest_hz = quiet.highest_hz
        value_hz, spread_hz = self._bias.correct(folded, FINE_HZ, highest_hz, quiet.sigma_hz)
        value_hz += _LOST_SHARE * quiet.removed_hz**2 / (quiet.removed_hz + _LOST_HALF_HZ)
        spread_hz = math.hypot(spread_hz, _LOST_SHARE_UNSURE * quiet.removed_hz)
        u_hz = 2.0 * math.hypot(spread_hz, _READING_SHARE * highest_hz, _READING_HZ)
        return Figure(max(value_hz, 0.0), u_hz)
