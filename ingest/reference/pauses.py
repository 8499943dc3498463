"""Where a reference pauses, a path is heard and no programme: that says nothing about either.

No path is silent. Noise, and the clicks of a weak carrier more so, have signs of their own while a
speaker draws breath, and those agree with a reference no more than another word does: a bulletin
read by a human voice, which pauses, was refused for its pauses. So nothing is compared where the
reference is silent or too far below the rest of itself to come through, unless something is said
there: as loud as the speech around, and no hiss. Then it counts, and tells the two apart.

Where both pause at the same moments that says something all the same: a phrase that two texts share
is followed by other words in one of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import STEP
from dsp.recognise.reference_index import Line
from dsp.recognise.reference_prints import BLOCK, SPEAKS, level_of

# 300 … 3400 Hz of 15 dB of noise hide what is 20 dB below the loudest.
_PAUSE_DB = 20.0
_AS_LOUD_DB = 8.0
_HISS_FLATNESS = 0.75  # over 1.2 s: speech, and noise over it, stay below 0.7; a path alone has 0.9


def without_pauses(levels: npt.NDArray[np.uint8], line: Line, prints: Prints) -> Prints:
    """Return `prints` without activity where a pause of the reference is heard as a pause.

    `levels` are the coded ones of the reference (`reference_prints.level_of`).
    """
    level, inside = _level_along(levels, line, prints)
    if not inside.any():
        return prints
    speaks = level >= level.max() - _PAUSE_DB
    around = np.median(prints.level_dbfs[speaks])
    said = (prints.level_dbfs >= around - _AS_LOUD_DB) & (prints.flatness < _HISS_FLATNESS)
    pause = inside & ~speaks & ~said
    return replace(prints, activity=np.where(pause, np.float32(0.0), prints.activity))


class Along(NamedTuple):
    """How what is heard lies along a reference: wholly inside, and the share of it that is heard.

    The share is of what the reference says aloud meanwhile, 0 if it says nothing.
    """

    is_inside: bool
    share: float


def heard_along(levels: npt.NDArray[np.uint8], line: Line, prints: Prints) -> Along:
    """Return how `prints` lie along a reference; the arguments are those of `without_pauses`.

    What is said where the reference pauses is not counted here.
    """
    level, inside = _level_along(levels, line, prints)
    if not np.isfinite(level).any():
        return Along(bool(inside.all()), 0.0)
    aloud = level >= level.max() - _PAUSE_DB
    return Along(bool(inside.all()), float(np.mean(prints.activity[aloud] >= SPEAKS)))


def _level_along(
    levels: npt.NDArray[np.uint8], line: Line, prints: Prints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the level of the reference at each of `prints`, and which of them lie in it.

    -inf where it does not speak, or is not.
    """
    frames = prints.first + np.arange(len(prints))
    blocks = np.floor((line.offset_frames + line.speed * frames) / (STEP * BLOCK)).astype(np.int64)
    inside = (blocks >= 0) & (blocks < len(levels))
    level = np.full(len(prints), -np.inf)
    level[inside] = np.nan_to_num(level_of(levels[blocks[inside]]), nan=-np.inf)
    return level, inside
