"""What is kept of a reference: every third word, its level, and where to look it up.

A word in 60 ms is enough to compare; to be found, a reference needs only some words that a heard
copy will repeat without an error. *Anchors* are those: in every 0.24 s of speech the word whose
signs are surest. A pause has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.recognise.fingerprint import VALUE_SCALE, Prints
from dsp.recognise.grid import KEY_BITS, STEP

BLOCK = 4  # steps that share one level and one anchor
SPEAKS = 0.32  # activity from which a word counts; steady noise stays below 0.25
_WEAKEST = 4  # signs by which a word's sureness is judged
_LEVEL_FLOOR_DBFS = -127.0


@dataclass(frozen=True, slots=True)
class ReferencePrints:
    """A reference as it is kept.

    Parameters
    ----------
    words
        uint32 (n,), one in 60 ms.
    levels
        uint8 (ceil(n / BLOCK),): 0 where a block does not speak, else 1 + 2 · (level + 127 dB).
    anchors
        uint32 (m,): steps at which the reference is looked up, rising.
    """

    words: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]
    anchors: npt.NDArray[np.uint32]


def keep_reference(prints: Prints) -> ReferencePrints:
    """Return what an index keeps of the prints of a whole reference."""
    words = np.ascontiguousarray(prints.words[::STEP])
    activity = prints.activity[::STEP]
    margins = np.abs(prints.values[::STEP, :KEY_BITS].astype(np.int16))
    weakest = np.partition(margins, _WEAKEST, axis=1)[:, :_WEAKEST] if len(words) else margins
    sureness = weakest.mean(axis=1) / VALUE_SCALE if len(words) else np.zeros(0)
    blocks = -(-len(words) // BLOCK)
    padding = blocks * BLOCK - len(words)
    sure = np.pad(np.where(activity >= SPEAKS, sureness, -1.0), (0, padding), constant_values=-1.0)
    sure = sure.reshape(blocks, BLOCK)
    best = sure.argmax(axis=1)
    speaks = sure.max(axis=1, initial=-1.0) >= 0.0
    anchors = (np.arange(blocks) * BLOCK + best)[speaks].astype(np.uint32)
    level = np.pad(prints.level_dbfs[::STEP], (0, padding), mode="edge") if len(words) else activity
    means = level.reshape(blocks, BLOCK).mean(axis=1)
    coded = np.clip(np.round(1.0 + 2.0 * (means - _LEVEL_FLOOR_DBFS)), 1, 255)
    return ReferencePrints(words, np.where(speaks, coded, 0).astype(np.uint8), anchors)


def level_of(coded: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the levels in dBFS of coded ones; NaN where the reference does not speak."""
    level = (coded.astype(np.float32) - 1.0) / 2.0 + np.float32(_LEVEL_FLOOR_DBFS)
    return np.where(coded > 0, level, np.float32(np.nan)).astype(np.float32)
