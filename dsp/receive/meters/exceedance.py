"""The share of time above a deviation, and how large it may still be for all we have seen.

Rec. ITU-R SM.1268-5, Annex 2 §4 allows 1e-6 of the samples above 77 kHz. A second at 288 kHz cannot
resolve that, so a share comes with the upper end of its one-sided 95 % confidence interval
(C. Clopper, E. Pearson, Biometrika 26, 1934); without any sample over, that is 3 / n.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from dsp.receive.composite.grid import RATE_HZ

CONFIDENCE = 0.95
# Neighbouring samples tell the same story: only 120 000 a second are independent at 60 kHz.
INDEPENDENT = 120_000.0 / RATE_HZ


def count_above(folded: npt.NDArray[np.float64], bin_hz: float, limit_hz: float) -> float:
    """How many counts of a histogram from 0 in steps of `bin_hz` lie above `limit_hz`."""
    at = max(limit_hz, 0.0) / bin_hz
    first = int(at)
    if first >= len(folded):
        return 0.0
    return float(folded[first + 1 :].sum() + folded[first] * (1.0 - (at - first)))


def upper_bound(over: float, samples: float) -> float:
    """Clopper-Pearson upper bound of a share of `over` in `samples`; fractions are welcome."""
    if samples <= 0.0 or over >= samples:
        return 1.0
    return float(betaincinv(over + 1.0, samples - over, CONFIDENCE))


class Exceedance:
    """Counts the samples over a limit, second after second."""

    def __init__(self) -> None:
        self.over = 0.0
        self.lower = 0.0
        self.higher = 0.0
        self.samples = 0.0

    def add(
        self, folded: npt.NDArray[np.float64], bin_hz: float, limit_hz: float, sigma_hz: float
    ) -> tuple[float, float, float]:
        """Add a second; return the share since the start, its uncertainty, and its upper bound.

        Noise of `sigma_hz` smears the edge of the distribution: the uncertainty is what the share
        would change by if the limit lay one sigma to either side, and the counting error.
        """
        self.samples += float(folded.sum())
        self.over += count_above(folded, bin_hz, limit_hz)
        self.lower += count_above(folded, bin_hz, limit_hz + sigma_hz)
        self.higher += count_above(folded, bin_hz, limit_hz - sigma_hz)
        independent = self.samples * INDEPENDENT
        share = self.over / self.samples
        counting = 2.0 * np.sqrt(max(share, 1.0 / independent) / independent)
        smear = max(self.higher - self.over, self.over - self.lower) / self.samples
        upper = upper_bound(self.over * INDEPENDENT, independent)
        return share, float(np.hypot(counting, smear)), upper
