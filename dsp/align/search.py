"""Where in a reference something was heard, by its envelopes: candidates to be looked at closely.

The correlation is normalised by what overlaps at each delay, so that a loud passage elsewhere does
not outshine the right one, and asks for a least overlap, since two syllables always fit somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.align.envelopes import FRAME_HZ, Envelopes

LEAST_OVERLAP_S = 2.5
CANDIDATES = 6
_APART_FRAMES = 15  # one peak of speech envelopes is ± 100 ms wide


@dataclass(frozen=True)
class Candidate:
    """A delay in seconds (+ = heard later), and the correlation of the envelopes there (−1 … 1)."""

    delay_s: float
    correlation: float


def candidates(
    reference: Envelopes, heard: Envelopes, range_s: tuple[float, float] | None = None
) -> list[Candidate]:
    """Return the best delays between `reference` and `heard` (both (bands, frames)), best first.

    `range_s` bounds the delays looked at; None is wherever both overlap by `LEAST_OVERLAP_S`.
    """
    n, m = reference.shape[1], heard.shape[1]
    if min(n, m) == 0:
        return []
    size = fft.next_fast_len(n + m, real=True)
    cross = overlap_sums(reference, heard, size)
    heard_power = overlap_sums(np.ones((1, n)), _power(heard), size)
    reference_power = overlap_sums(_power(reference), np.ones((1, m)), size)
    # Index k is a delay of k − (n − 1) frames.
    delays = np.arange(n + m - 1) - (n - 1)
    overlap = np.minimum(np.minimum(delays + n, m - delays), min(n, m))
    least = min(LEAST_OVERLAP_S * FRAME_HZ, 0.8 * min(n, m))
    norm = np.sqrt(_floored(heard_power) * _floored(reference_power))
    correlation = np.where(overlap >= least, cross / norm, -1.0)
    if range_s is not None:
        inside = (delays >= range_s[0] * FRAME_HZ - 1) & (delays <= range_s[1] * FRAME_HZ + 1)
        correlation = np.where(inside, correlation, -1.0)
    # A short overlap fits by chance more easily: its correlation counts by the root of its share.
    merit = correlation * np.sqrt(np.minimum(overlap / (4.0 * least), 1.0))
    return _peaks(merit, correlation, delays)


def overlap_sums(
    reference: npt.NDArray[np.floating], heard: npt.NDArray[np.floating], size: int
) -> npt.NDArray[np.float64]:
    """Return Σ over bands and time of heard(t) · reference(t − delay) for every delay."""
    n, m = reference.shape[1], heard.shape[1]
    spectrum = np.sum(
        fft.rfft(heard, size, axis=1) * np.conj(fft.rfft(reference, size, axis=1)), axis=0
    )
    circular = fft.irfft(spectrum, size)
    return np.concatenate([circular[size - (n - 1) :], circular[:m]]).astype(np.float64)


def _power(envelopes: Envelopes) -> npt.NDArray[np.float64]:
    return np.sum(envelopes.astype(np.float64) ** 2, axis=0, keepdims=True)


def _floored(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return `power` with nothing in it below 1e-4 of its highest, which rounding would make up."""
    return np.maximum(power, 1e-4 * max(float(power.max()), 1e-9))


def _peaks(
    merit: npt.NDArray[np.float64],
    correlation: npt.NDArray[np.float64],
    delays: npt.NDArray[np.int64],
) -> list[Candidate]:
    merit = merit.copy()
    found = []
    for _ in range(CANDIDATES):
        best = int(np.argmax(merit))
        if merit[best] <= 0.0:
            break
        found.append(Candidate(float(delays[best]) / FRAME_HZ, float(correlation[best])))
        merit[max(best - _APART_FRAMES, 0) : best + _APART_FRAMES + 1] = -1.0
    return found
