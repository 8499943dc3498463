"""What every recogniser of the bench has to do, ours and the peers alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """The best candidate for an excerpt: which bulletin, where in it, how sure (more is surer)."""

    name: str
    offset_s: float
    score: float


class System(Protocol):
    """A recogniser with an index of its own."""

    name: str
    threshold: float

    def add(self, name: str, sound: Sound) -> None:
        """Take a bulletin, mono float32 at 48 kHz, into the index."""

    def query(self, sound: Sound) -> Found | None:
        """Return the best candidate for an excerpt whatever its score; None if there is none."""
