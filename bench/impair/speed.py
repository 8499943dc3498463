"""A player whose clock is wrong: everything faster or slower by a share, pitch included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Speed:
    """Plays faster by `share`: +0.01 is one per cent fast."""

    share: float

    def __call__(self, sound: Sound, _rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) as n / (1 + share) samples."""
        return np.asarray(
            soxr.resample(sound, RATE_HZ * (1.0 + self.share), RATE_HZ), dtype=np.float32
        )
