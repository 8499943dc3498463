"""The delay without that of filters: what is left towards high frequencies, and how surely.

Group delays of filters fall as 1 / f; the delays of six bands are fitted with such a curve. The
least variance that their coherence allows is the Cramér-Rao bound.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dsp.align.peaks import summed_peak
from dsp.align.segments import FREQUENCY_HZ, Segments

_BANDS_HZ = (300.0, 500.0, 800.0, 1_200.0, 1_700.0, 2_300.0, 3_400.0)
_COHERENT = 0.05
_BAND_S = 0.03e-3  # what the delay of one band can be told to
_SLOPE_S_HZ = 1.0  # 1 ms later at 1 kHz than far above: the `ip` chain has 0.7
_MODEL_SHARE = 0.25
_UNKNOWN_S = 0.5e-3  # where too few bands were heard to tell filters from delay


def at_high_frequencies(
    segments: Segments,
    shifts_s: npt.NDArray[np.float64],
    coherence: npt.NDArray[np.float64],
    whole_s: float,
) -> tuple[float, float]:
    """Return the delay that filters do not make, off the line, and its standard uncertainty (s).

    Delays of the bands are fitted with d + a / f; the slope is held back by what filters of
    mastering chains have (`_SLOPE_S_HZ`), so that noise does not make one up.
    """
    rows, values, sigmas = [], [], []
    for low_hz, high_hz in pairwise(_BANDS_HZ):
        inside = (low_hz <= FREQUENCY_HZ) & (high_hz > FREQUENCY_HZ)
        if float(coherence[inside].mean()) < _COHERENT:
            continue
        weight = inside * coherence / (1.05 - coherence)
        values.append(summed_peak(segments, shifts_s, weight))
        variance = least_variance(np.where(inside, coherence, 0.0), segments.independent)
        sigmas.append(float(np.hypot(2.0 * np.sqrt(variance), _BAND_S)))
        rows.append((1.0, float(np.sum(weight / np.maximum(FREQUENCY_HZ, 1.0)) / weight.sum())))
    if len(values) < 3:
        return whole_s, _UNKNOWN_S
    design, value, sigma = np.array(rows), np.array(values), np.array(sigmas)
    prior = np.diag([0.0, _SLOPE_S_HZ**-2])
    keep = np.ones(len(value))
    for _ in range(4):
        scaled = design / sigma[:, None] ** 2 * keep[:, None]
        inverse = np.linalg.inv(design.T @ scaled + prior)
        found = inverse @ (scaled.T @ value)
        off = np.abs(value - design @ found) / sigma
        keep = 1.0 / np.maximum(off / 1.5, 1.0)
    misfit = float(np.sqrt(np.sum(keep * off**2) / max(len(value) - 2, 1)))
    statistical = float(np.sqrt(inverse[0, 0])) * max(misfit, 1.0)
    # No chain is exactly 1 / f: part of the slope's work in the middle of the band is doubt.
    model = _MODEL_SHARE * abs(float(found[1])) * float(design[:, 1].mean())
    return float(found[0]), float(np.hypot(statistical, model))


def least_variance(coherence: npt.NDArray[np.float64], independent: float) -> float:
    """Return the Cramér-Rao bound in s² of a group delay: frequencies count from their centre."""
    information = coherence / np.maximum(1.0 - coherence, 1e-3)
    total = float(information.sum())
    if total <= 0.0:
        return 1.0
    centre = float(np.sum(information * FREQUENCY_HZ)) / total
    width = float(np.sum(information * (2.0 * np.pi * (FREQUENCY_HZ - centre)) ** 2))
    return 1.0 / (2.0 * independent * width)
