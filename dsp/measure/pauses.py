"""Where nobody speaks, and how loud it is there.

The level is smoothed over 50 ms. Its 5th percentile (digital silence left out) stands for the
floor; a pause is a stretch of at least 150 ms that stays within 6 dB of it: longer than the closure
of a plosive (50-120 ms), shorter than a breath. 20 ms at both ends of a pause still belong to the
speech. The floor must lie at least 6 dB under the speech, else the sound simply has no pauses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Series = npt.NDArray[np.float32]

SMOOTHING_STEPS = 5
SHORTEST_PAUSE_STEPS = 15
EDGE_STEPS = 2
PERCENTILE = 5.0
WITHIN_DB = 6.0
UNDER_SPEECH_DB = 6.0
# Below a tenth of a 16-bit step: nothing but zeros.
DIGITAL_SILENCE = (0.1 / 32768.0) ** 2
SILENT_PAUSES = "the pauses are digital silence"


@dataclass(frozen=True)
class Pauses:
    """The pauses of one channel.

    Attributes
    ----------
    mask
        bool, shape (steps,): the 10 ms steps that lie inside a pause.
    noise_floor_dbfs
        Mean power in the pauses; 0 dBFS is rms 1.0. None if there is no pause with sound in it.
    reason
        Why there is no figure, else None.
    """

    mask: Mask
    noise_floor_dbfs: float | None
    reason: str | None


def smooth(values: Series, steps: int) -> Series:
    """Return the mean over `steps` values around each value (fewer at the ends)."""
    count, behind, ahead = len(values), steps // 2, (steps + 1) // 2
    means = np.convolve(values, np.full(steps, 1.0 / steps, values.dtype))[
        ahead - 1 : ahead - 1 + count
    ]
    for at in {*range(min(behind, count)), *range(max(0, count - ahead + 1), count)}:
        means[at] = values[max(0, at - behind) : at + ahead].mean()
    return means


def runs_of(mask: Mask, shortest: int, trim: int = 0) -> Mask:
    """Keep the runs of True of at least `shortest`, less `trim` at both ends."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    kept = np.zeros_like(mask)
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= shortest:
            kept[start + trim : stop - trim] = True
    return kept


def _percentile(values: Series, percent: float) -> float:
    """Return the percentile, with a straight line between two values.

    As `np.percentile`, which loads masked arrays for it: 15 ms of every command.
    """
    place = (len(values) - 1) * percent / 100.0
    low = int(place)
    high = min(low + 1, len(values) - 1)
    placed = np.partition(values, (low, high))
    return float(placed[low] + (place - low) * (placed[high] - placed[low]))


def find_pauses(
    square_10ms: Series,
    mean_10ms: Series,
    active_level_dbov: float | None,
) -> Pauses:
    """Find the pauses of a channel from its mean squares and its means per 10 ms, shape (steps,).

    A level is the variance of its stretch, so that an offset of the converter is no noise; the
    offset of the whole file would not do, because speech has one of its own.
    """
    nothing = np.zeros(len(square_10ms), dtype=np.bool_)
    # The means are float32 sums: what is below 1e-6 of the square is their rounding.
    sounding = square_10ms - mean_10ms**2 > DIGITAL_SILENCE + 1e-6 * square_10ms
    if active_level_dbov is None or not sounding.any():
        return Pauses(nothing, None, "no speech")
    level = smooth(square_10ms, SMOOTHING_STEPS) - smooth(mean_10ms, SMOOTHING_STEPS) ** 2
    # A smoothed step counts only if all it was made of sounded: half-silent ones look too low.
    whole = smooth(sounding.astype(np.float32), SMOOTHING_STEPS) > 1.0 - 1e-3
    if whole.sum() < SHORTEST_PAUSE_STEPS:
        return Pauses(nothing, None, SILENT_PAUSES)
    floor = _percentile(level[whole], PERCENTILE)
    low = whole & (level < floor * 10.0 ** (WITHIN_DB / 10.0))
    mask = runs_of(low, SHORTEST_PAUSE_STEPS, EDGE_STEPS)
    # With zeros in the pauses, what else is quiet lies within the speech.
    silent = runs_of(~sounding, SHORTEST_PAUSE_STEPS).any()
    if not mask.any():
        reason = SILENT_PAUSES if silent else "no pause of 150 ms"
        return Pauses(nothing, None, reason)
    power = float(square_10ms[mask].mean(dtype=np.float64))
    power -= float(mean_10ms[mask].mean(dtype=np.float64)) ** 2
    found = 10.0 * math.log10(max(power, DIGITAL_SILENCE))
    if found > active_level_dbov - UNDER_SPEECH_DB:
        reason = SILENT_PAUSES if silent else "no pause at least 6 dB under the speech"
        return Pauses(nothing, None, reason)
    return Pauses(mask, found, None)
