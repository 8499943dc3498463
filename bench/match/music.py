"""Music and jingles from a seed: plucked and held notes, a bass, a beat; nobody's recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000

Sound = npt.NDArray[np.float32]

# Semitones of five-tone scales, which Vietnamese tunes mostly keep to.
_SCALES = ((0, 2, 4, 7, 9), (0, 3, 5, 7, 10), (0, 2, 5, 7, 9))


def tune(seed: int, seconds: float) -> Sound:
    """Return a piece of music, mono float32 at 48 kHz, peak 0.5; another for every seed."""
    rng = np.random.default_rng([20_26, seed])
    n = round(seconds * RATE_HZ)
    out = np.zeros(n + 2 * RATE_HZ)
    beat_s = 60.0 / rng.uniform(70, 140)
    root_hz = 220.0 * 2 ** (rng.integers(-5, 7) / 12)
    scale = _SCALES[rng.integers(len(_SCALES))]
    overtones = rng.uniform(0.1, 0.7) ** np.arange(1.0, 9.0)
    degree = 0
    at_s = 0.0
    while at_s < seconds:
        length_s = beat_s * float(rng.choice([0.5, 0.5, 1.0, 1.0, 2.0]))
        degree = int(np.clip(degree + rng.integers(-3, 4), -5, 9))
        semitones = 12 * (degree // 5) + scale[degree % 5]
        _add(out, at_s, _note(root_hz * 2 ** (semitones / 12), length_s, overtones, rng), 0.3)
        at_s += length_s
    for count in range(int(seconds / beat_s)):
        if count % 2 == 0:
            low_hz = root_hz / 4 * 2 ** (float(rng.choice([0, 5, 7])) / 12)
            _add(out, count * beat_s, _note(low_hz, beat_s, overtones**1.5, rng), 0.4)
        _add(out, count * beat_s, _hit(rng), 0.15)
    out = out[:n]
    return np.asarray(0.5 * out / max(np.abs(out).max(), 1e-9), np.float32)


def _note(
    frequency_hz: float,
    length_s: float,
    overtones: Any,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """A plucked note with a little vibrato, ringing half as long again."""
    t = np.arange(round(1.5 * length_s * RATE_HZ)) / RATE_HZ
    bend = 2 * np.pi * frequency_hz * (t + 2e-4 * np.sin(2 * np.pi * 5.0 * t))
    wave = np.zeros(len(t))
    for number, size in enumerate(overtones, start=1):
        if number * frequency_hz < 0.45 * RATE_HZ:
            wave += size * np.sin(number * bend + rng.uniform(0, 2 * np.pi))
    rise = np.minimum(t / 0.01, 1.0)
    return np.asarray(wave * rise * np.exp(-3.0 * t / length_s))


def _hit(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = np.arange(RATE_HZ // 12) / RATE_HZ
    return np.asarray(rng.standard_normal(len(t)) * np.exp(-60.0 * t))


def _add(
    out: npt.NDArray[np.float64], at_s: float, sound: npt.NDArray[np.float64], gain: float
) -> None:
    first = round(at_s * RATE_HZ)
    room = out[first : first + len(sound)]
    room += gain * sound[: len(room)]
