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

SMOOTHING_STEPS = 5
SHORTEST_PAUSE_STEPS = 15
EDGE_STEPS = 2
PERCENTILE = 5.0
WITHIN_DB = 6.0
UNDER_SPEECH_DB = 6.0
# Below a tenth of a 16-bit step: nothing but zeros.
DIGITAL_SILENCE = (0.1 / 32768.0) ** 2


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


def smooth(power: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.float64]:
    """Return the mean over `steps` values around each value (fewer at the ends)."""
    sums = np.concatenate(([0.0], np.cumsum(power)))
    at = np.arange(len(power))
    low = np.maximum(at - steps // 2, 0)
    high = np.minimum(at + (steps + 1) // 2, len(power))
    return np.maximum(sums[high] - sums[low], 0.0) / (high - low)


def runs_of(mask: Mask, shortest: int, trim: int = 0) -> Mask:
    """Keep the runs of True of at least `shortest`, less `trim` at both ends."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    kept = np.zeros_like(mask)
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= shortest:
            kept[start + trim : stop - trim] = True
    return kept


def find_pauses(power_10ms: npt.NDArray[np.float64], active_level_dbov: float | None) -> Pauses:
    """Find the pauses of a channel from its mean squares per 10 ms (DC removed), shape (steps,)."""
    nothing = np.zeros(len(power_10ms), dtype=np.bool_)
    sounding = power_10ms > DIGITAL_SILENCE
    if active_level_dbov is None or not sounding.any():
        return Pauses(nothing, None, "no speech")
    level = smooth(power_10ms, SMOOTHING_STEPS)
    # A smoothed step counts only if all it was made of sounded: half-silent ones look too low.
    whole = smooth(sounding.astype(np.float64), SMOOTHING_STEPS) > 1.0 - 1e-6
    if whole.sum() < SHORTEST_PAUSE_STEPS:
        return Pauses(nothing, None, "the pauses are digital silence")
    floor = float(np.percentile(level[whole], PERCENTILE))
    low = whole & (level < floor * 10.0 ** (WITHIN_DB / 10.0))
    mask = runs_of(low, SHORTEST_PAUSE_STEPS, EDGE_STEPS)
    if not mask.any():
        silent = runs_of(~sounding, SHORTEST_PAUSE_STEPS).any()
        reason = "the pauses are digital silence" if silent else "no pause of 150 ms"
        return Pauses(nothing, None, reason)
    found = 10.0 * math.log10(float(power_10ms[mask].mean()))
    if found > active_level_dbov - UNDER_SPEECH_DB:
        return Pauses(nothing, None, "no pause at least 6 dB under the speech")
    return Pauses(mask, found, None)
