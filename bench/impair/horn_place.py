"""A microphone 20 m from a horn in a village: horn, echoes of houses, a tail, voices around.

Direct sound at 20 m takes 58 ms and falls 26 dB; only what stands between direct, echoes, tail and
babble matters here. Eight early echoes come within 150 ms, the tail falls 60 dB in a second, and
together they are as strong as the direct sound. Babble comes from the voices one gives; with none,
from noise under syllables, so that the impairment stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import signal

from bench.audio.listening_place import active_power, babble, through_horn

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HornPlace:
    """What the microphone hears."""

    babble_snr_db: float = 6.0
    tail_s: float = 1.0
    reverberant_db: float = 0.0  # echoes and tail over the direct sound
    voices: Sequence[npt.NDArray[np.float64]] = field(default=(), repr=False)

    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) as heard in that place, (n,)."""
        n = len(sound)
        if n < RATE_HZ // 10 or not np.any(sound):
            return sound.copy()
        horn = through_horn(sound.astype(np.float64), RATE_HZ)
        heard = signal.oaconvolve(horn, self._room(rng))[:n]
        around = babble(
            list(self.voices) or [_murmur(n, rng) for _ in range(8)],
            n,
            RATE_HZ,
            int(rng.integers(1 << 31)),
        )
        level = np.sqrt(active_power(heard, RATE_HZ)) * 10 ** (-self.babble_snr_db / 20)
        mixed = heard + level * around
        return np.asarray(0.5 * mixed / max(np.abs(mixed).max(), 1e-9), np.float32)

    def _room(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Impulse response after the direct sound, which is 1 at its start."""
        length = round(self.tail_s * RATE_HZ)
        t = np.arange(length) / RATE_HZ
        tail = rng.standard_normal(length) * 10 ** (-3.0 * t / self.tail_s)
        tail[: RATE_HZ // 100] = 0.0
        tail /= np.sqrt(np.sum(tail**2))
        early = np.zeros(length)
        places = rng.integers(RATE_HZ // 200, min(length, 3 * RATE_HZ // 20), 8)
        early[places] = rng.choice((-1.0, 1.0), 8) * rng.uniform(0.2, 1.0, 8)
        early /= np.sqrt(np.sum(early**2))
        room = 10 ** (self.reverberant_db / 20) * (early + tail) / np.sqrt(2.0)
        room[0] = 1.0
        return np.asarray(room)


def _murmur(n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise of a speech-like spectrum under syllables."""
    rows = signal.butter(2, (150.0, 2_500.0), "bandpass", fs=RATE_HZ, output="sos")
    wave = signal.sosfilt(rows, rng.standard_normal(n))
    points = np.arange(0, n + 9_600, 9_600)
    envelope = np.interp(np.arange(n), points, rng.uniform(0.05, 1.0, len(points)))
    return np.asarray(wave * envelope)
