"""A compressor set by somebody who wanted it loud: 10:1 from -40 dBFS, fast, then clipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEP = 240  # 5 ms: the gain is worked out so often and drawn straight in between

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WildCompressor:
    """Compresses, lifts and clips; pumps audibly."""

    threshold_dbfs: float = -40.0
    ratio: float = 10.0
    release_s: float = 0.15
    makeup_db: float = 28.0

    def __call__(self, sound: Sound, _rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) compressed, (n,)."""
        count = -(-len(sound) // STEP)
        padded = np.zeros(count * STEP)
        padded[: len(sound)] = sound
        power = np.mean(padded.reshape(count, STEP) ** 2, axis=1)
        level_db = 10.0 * np.log10(power + 1e-10)
        fall_db = STEP / 48_000 / self.release_s * 8.7
        held = -100.0
        gain_db = np.empty(count)
        for at, now_db in enumerate(level_db):
            held = max(now_db, held - fall_db)
            over = max(held - self.threshold_dbfs, 0.0)
            gain_db[at] = self.makeup_db - over * (1.0 - 1.0 / self.ratio)
        places = np.arange(count) * STEP + STEP / 2
        course_db = np.interp(np.arange(len(sound)), places, gain_db)
        return np.asarray(np.clip(sound * 10 ** (course_db / 20), -0.5, 0.5), np.float32)
