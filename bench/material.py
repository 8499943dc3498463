"""Programmes to time: the example bulletin said again and again, each time a little differently.

A repeated file would flatter whatever skips what it has seen; the level therefore changes with
every repetition and each channel has its own noise. Seeded, so every run times the same samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf
import soxr

if TYPE_CHECKING:
    import numpy.typing as npt

BULLETIN = Path(__file__).parent.parent / "examples" / "bulletin-vi.flac"
_LEVEL_DB = (-6.0, 6.0)
_NOISE = 3e-4


def bulletin_samples(sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Return the example bulletin at another rate, float32 of shape (n,)."""
    samples, rate_hz = sf.read(BULLETIN, dtype="float32")
    converted: npt.NDArray[np.float32] = soxr.resample(samples, rate_hz, sample_rate_hz)
    return converted


def write_programme(
    path: Path, *, seconds: float, channels: int, sample_rate_hz: int = 48_000
) -> Path:
    """Write a 16-bit WAV programme of that length; return its path."""
    bulletin = bulletin_samples(sample_rate_hz)
    rng = np.random.default_rng(20_26)
    left = round(seconds * sample_rate_hz)
    with sf.SoundFile(path, "w", sample_rate_hz, channels, subtype="PCM_16") as file:
        while left > 0:
            piece = bulletin[:left] * np.float32(10 ** (rng.uniform(*_LEVEL_DB) / 20))
            noise = rng.standard_normal((len(piece), channels), dtype=np.float32)
            file.write(np.clip(piece[:, None] + np.float32(_NOISE) * noise, -1, 1))
            left -= len(piece)
    return path
