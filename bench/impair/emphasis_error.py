"""Pre-emphasis and de-emphasis that do not belong together (50, 75 µs or none, BS.450-4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmphasisError:
    """Sent with one time constant, received with another; 0 is none."""

    sent_us: float
    received_us: float

    def __call__(self, sound: Sound, _rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) with the treble that comes of it, clipped at full scale, (n,)."""
        wrong = sound
        if self.sent_us:
            # (1 + s·tau), held below the edge of the band so that the filter stays bounded.
            zeros, poles = _corner(self.sent_us), _corner(1e6 / (2 * np.pi * 20_000.0))
            wrong = signal.lfilter(zeros / zeros.sum(), poles / poles.sum(), wrong)
        if self.received_us:
            poles = _corner(self.received_us)
            wrong = signal.lfilter([1.0, 1.0], 2.0 * poles / poles.sum(), wrong)
        return np.asarray(np.clip(wrong, -1.0, 1.0), np.float32)


def _corner(tau_us: float) -> npt.NDArray[np.float64]:
    """1 + s·tau by the bilinear transform, its denominator 1 + 1/z left out."""
    k = 2.0 * RATE_HZ * tau_us * 1e-6
    return np.array([1.0 + k, 1.0 - k])
