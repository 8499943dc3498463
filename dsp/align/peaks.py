"""Where segments agree on a delay: the coherence of every frequency, and the peaks it weights.

A peak is told off the line that the segments were turned back by: each segment by itself, or all of
them summed with their phases.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.align.segments import LAG_RATE_HZ, REACH, Segments, smooth, turned

_NEAR = int(5e-3 * LAG_RATE_HZ)  # where a segment's own peak is looked for


def coherence_of(segments: Segments, shifts_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the squared coherence (bins,) over segments turned back by `shifts_s`, unbiased.

    By phases alone: n independent random ones have a mean square of 1 / n, which is taken off.
    """
    weights = segments.weights * segments.activity[:, None].astype(np.float32)
    summed = np.sum(segments.phases * weights * turned(shifts_s), axis=0)
    total: npt.NDArray[np.float64] = np.asarray(np.sum(weights, axis=0), np.float64)
    # Weights of 0 (outside the band) say nothing; sums over 200 Hz steady the ratio.
    power: npt.NDArray[np.float64] = np.abs(summed).astype(np.float64) ** 2
    square = smooth(power).astype(np.float64)
    share = square / (smooth(np.square(total)).astype(np.float64) + 1e-12)
    bias = 1.0 / max(segments.independent, 1.5)
    return np.clip((share - bias) / (1.0 - bias), 0.0, 1.0) * (total > 0.0)


def own_peaks(
    segments: Segments, shifts_s: npt.NDArray[np.float64], weight: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return where each segment by itself has its peak off the line (s), and whether it has one."""
    size = np.abs(segments.correlation(shifts_s, weight))
    near = size[:, REACH - 2 * _NEAR : REACH + 2 * _NEAR + 1]
    peaks = np.array([peak_of(row) for row in near]) - 2 * _NEAR
    # In noise the size is Rayleigh with mean square 1: above 3.5 once in 2e5 lags.
    return peaks / LAG_RATE_HZ, near.max(axis=1) > 3.5


def peak_of(row: npt.NDArray[np.floating]) -> float:
    """Return the place of the highest value of `row`, between its samples by a parabola."""
    best = int(np.clip(np.argmax(row), 1, len(row) - 2))
    a, b, c = (float(v) for v in row[best - 1 : best + 2])
    bend = a - 2.0 * b + c
    return best + (float(np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend < 0.0 else 0.0)


def summed_peak(
    segments: Segments,
    shifts_s: npt.NDArray[np.float64],
    weight: npt.NDArray[np.floating],
) -> float:
    """Return where the correlation of all segments together has its peak off the line (s)."""
    # Summed with their phases: what differs between segments cancels, the path's own phase stays.
    turned_phases = segments.phases * turned(shifts_s) * segments.activity[:, None]
    spectrum = np.sum(turned_phases * segments.weights, axis=0, keepdims=True)
    one = Segments(
        phases=spectrum.astype(np.complex64),
        weights=np.ones_like(spectrum, np.float32),
        middles_s=np.zeros(1),
        activity=np.ones(1),
        independent=1.0,
    )
    row = np.abs(one.correlation(None, weight.astype(np.float32)))[0]
    return (peak_of(row[REACH - _NEAR : REACH + _NEAR + 1]) - _NEAR) / LAG_RATE_HZ
