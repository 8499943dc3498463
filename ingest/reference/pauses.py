"""Where a reference pauses, a path is heard and no programme: that says nothing about either.

No path is silent. Noise, and the clicks of a weak carrier more so, have signs of their own while a
speaker draws breath, and those agree with a reference no more than another word does: a bulletin
read by a human voice, which pauses, was refused for its pauses. So nothing is compared where the
reference is silent or too far below the rest of itself to come through, unless something is said
there: as loud as the speech around, and no hiss. Then it counts, and tells the two apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import STEP
from dsp.recognise.reference_index import Line
from dsp.recognise.reference_prints import BLOCK, level_of

# 300 … 3400 Hz of 15 dB of noise hide what is 20 dB below the loudest.
_PAUSE_DB = 20.0
_AS_LOUD_DB = 8.0
_HISS_FLATNESS = 0.75  # over 1.2 s: speech, and noise over it, stay below 0.7; a path alone has 0.9


def without_pauses(levels: npt.NDArray[np.uint8], line: Line, prints: Prints) -> Prints:
    """Return `prints` without activity where a pause of the reference is heard as a pause.

    `levels` are the coded ones of the reference (`reference_prints.level_of`).
    """
    frames = prints.first + np.arange(len(prints))
    blocks = np.floor((line.offset_frames + line.speed * frames) / (STEP * BLOCK)).astype(np.int64)
    inside = (blocks >= 0) & (blocks < len(levels))
    if not inside.any():
        return prints
    level = np.full(len(prints), -np.inf)
    level[inside] = np.nan_to_num(level_of(levels[blocks[inside]]), nan=-np.inf)
    speaks = level >= level.max() - _PAUSE_DB
    around = np.median(prints.level_dbfs[speaks])
    said = (prints.level_dbfs >= around - _AS_LOUD_DB) & (prints.flatness < _HISS_FLATNESS)
    pause = inside & ~speaks & ~said
    return replace(prints, activity=np.where(pause, np.float32(0.0), prints.activity))
