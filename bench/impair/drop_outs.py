"""Missing audio: holes of 60 to 600 ms, silent, until a share of the whole is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DropOuts:
    """Takes `share` of the sound away in holes; what is left stays in its place."""

    share: float = 0.2
    shortest_s: float = 0.06
    longest_s: float = 0.6

    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) with holes, (n,); within one hole of the share."""
        out = sound.copy()
        gone = np.zeros(len(sound), bool)
        while len(sound) and gone.sum() < self.share * len(sound):
            length = round(rng.uniform(self.shortest_s, self.longest_s) * RATE_HZ)
            first = int(rng.integers(-length + 1, len(sound)))
            gone[max(first, 0) : first + length] = True
        out[gone] = 0.0
        return out
