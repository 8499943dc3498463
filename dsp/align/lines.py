"""The delay as a straight line over time: where the peaks of all segments lie, and how steep.

Two sample clocks that differ make the delay grow. Segments are therefore summed along every line a
pair of clocks could draw (a Radon transform), by power, so that phases need not agree yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.align.segments import LAG_RATE_HZ, REACH

MOST_PPM = 1_500.0
_STEP_S = 0.3e-3  # between neighbouring lines at their ends
_MOST_LINES = 401
_FREE = 24  # ± 1.5 ms around the peak belong to it


@dataclass(frozen=True)
class Line:
    """Where the segments agree.

    `delay_s` in the middle of the heard piece, `slope` in seconds per second; `score` is how far
    the mean power on the line stands above that of other delays, in standard deviations of theirs;
    `second` is the best power elsewhere over the power on the line, both above the mean.
    """

    delay_s: float
    slope: float
    score: float
    second: float


def best_line(
    power: npt.NDArray[np.float32],
    middles_s: npt.NDArray[np.float64],
    activity: npt.NDArray[np.float64],
) -> Line:
    """Return the best line through `power` (count, lags): |correlation|² of every segment."""
    span_s = float(middles_s[-1] - middles_s[0])
    place_s = middles_s - (middles_s[0] + middles_s[-1]) / 2.0
    share = (activity / (activity.sum() + 1e-12)).astype(np.float32)
    steepest = MOST_PPM * 1e-6
    lines = 1
    if span_s > 0.0:
        steepest = min(steepest, _STEP_S * (_MOST_LINES - 1) / 2.0 / (span_s / 2.0))
        lines = 2 * int(np.ceil(steepest * span_s / 2.0 / _STEP_S)) + 1
    shared = power * share[:, None]
    best: tuple[float, float, npt.NDArray[np.float32]] | None = None
    for slope in np.linspace(-steepest, steepest, lines) if lines > 1 else np.zeros(1):
        summed = np.zeros(power.shape[1], np.float32)
        for row, lag in zip(shared, np.round(slope * place_s * LAG_RATE_HZ), strict=True):
            add_moved(summed, row, int(lag))
        # A level of 2 lags, so that rounding costs no line its peak.
        summed[1:] = np.maximum(summed[1:], summed[:-1])
        top = float(summed.max())
        if best is None or top > best[0]:
            best = (top, float(slope), summed)
    assert best is not None
    top, slope, summed = best
    lag = int(np.argmax(summed))
    away = np.abs(np.arange(len(summed)) - lag) > _FREE
    mean, spread = float(summed[away].mean()), float(summed[away].std()) + 1e-9
    return Line(
        delay_s=(lag - REACH) / LAG_RATE_HZ,
        slope=slope,
        score=(top - mean) / spread,
        second=float((summed[away].max() - mean) / max(top - mean, 1e-9)),
    )


def add_moved(summed: npt.NDArray[np.float32], row: npt.NDArray[np.float32], lag: int) -> None:
    """Add `row` read `lag` places further on, its ends repeated, to `summed`."""
    count = len(row)
    if lag >= 0:
        summed[: count - lag] += row[lag:]
        summed[count - lag :] += row[-1]
    else:
        summed[-lag:] += row[:lag]
        summed[:-lag] += row[0]
