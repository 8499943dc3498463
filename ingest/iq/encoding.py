"""How samples lie in a file: cu8, cs8, cs16, cs24 and cf32, and how they become blocks.

cu8 passes as it is. The others become complex64 with full scale 1.0: an integer of b bits is
divided by 2^(b-1), a float is what it is. Of floats, NaN, infinity and what is beyond `LARGEST` are
no samples: they are cut out, and what is left says how many were missing before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingest.iq.block import SampleFormat

LARGEST = 1e6  # 120 dB over full scale: no receiver makes that, a wrong format does
_MOST_PIECES = 16


@dataclass(frozen=True)
class Encoding:
    """One way of writing I and Q: `sample_bytes` per pair."""

    name: str
    dtype: str
    sample_bytes: int

    @property
    def sample_format(self) -> SampleFormat:
        """What comes out of it."""
        return "u8" if self.name == "cu8" else "complex64"

    def pieces(self, raw: memoryview) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (place, samples) for every good stretch of `raw`, whole samples only.

        Places count from the start of `raw`; what no stretch covers was not finite.
        """
        if self.name == "cu8":
            yield 0, np.frombuffer(raw, np.uint8)
        elif self.name == "cf32":
            yield from _finite_stretches(np.frombuffer(raw, self.dtype).astype(np.float32))
        else:
            yield 0, self._as_complex(raw)

    def _as_complex(self, raw: memoryview) -> NDArray[np.complex64]:
        if self.name == "cs24":
            three = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            wide = np.zeros((len(three), 4), np.uint8)
            wide[:, 1:] = three
            pairs, bits = wide.view("<i4")[:, 0], 32
        else:
            pairs, bits = np.frombuffer(raw, self.dtype), 8 * np.dtype(self.dtype).itemsize
        scaled = pairs.astype(np.float32) * np.float32(2.0 ** (1 - bits))
        return scaled.view(np.complex64)


ENCODINGS = {
    "cu8": Encoding("cu8", "u1", 2),
    "cs8": Encoding("cs8", "i1", 2),
    "cs16": Encoding("cs16", "<i2", 4),
    "cs16_be": Encoding("cs16_be", ">i2", 4),
    "cs24": Encoding("cs24", "", 6),
    "cf32": Encoding("cf32", "<f4", 8),
}


def _finite_stretches(pairs: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    samples = pairs.view(np.complex64)
    # A comparison with NaN is false, so this is finite and within range at once.
    good = (np.abs(pairs) <= LARGEST).reshape(-1, 2).all(axis=1)
    if good.all():
        yield 0, samples
        return
    edges = np.flatnonzero(np.diff(good, prepend=False, append=False)).reshape(-1, 2)
    if len(edges) > _MOST_PIECES:
        # Riddled through: the two ends are worth something, the middle is one gap.
        edges = edges[[0, -1]]
    for first, last in edges:
        yield int(first), samples[first:last]
