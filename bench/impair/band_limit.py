"""A telephone line or a poor horn: nothing below 300 Hz, nothing above 3400 Hz, 36 dB an octave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BandLimit:
    """Keeps what lies between two frequencies."""

    low_hz: float = 300.0
    high_hz: float = 3_400.0

    def __call__(self, sound: Sound, _rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) filtered, (n,)."""
        rows = signal.butter(6, (self.low_hz, self.high_hz), "bandpass", fs=RATE_HZ, output="sos")
        return np.asarray(signal.sosfilt(rows, sound), np.float32)
