"""Where a horn plays: a model of the horn, and the noise around the person who listens.

The horn is what the acceptance asks for: an amplifier that clips softly (1 % third harmonic at
full scale) and a band-pass of 12 dB per octave. The noises come from seeds, so that every run is
the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

Mono = npt.NDArray[np.float64]

HORN_BAND_HZ = (400.0, 6000.0)
# tanh(d·x)/d has a third harmonic of d²/12 of the fundamental for a sine of amplitude 1.
_DRIVE_FOR_1_PERCENT = 0.3464
_BABBLE_VOICES = 8


def through_horn(sound: Mono, sample_rate_hz: int) -> Mono:
    """Soft-clip and band-pass `sound` (n,)."""
    clipped = np.tanh(_DRIVE_FOR_1_PERCENT * sound) / _DRIVE_FOR_1_PERCENT
    upper_hz = min(HORN_BAND_HZ[1], 0.49 * sample_rate_hz)
    for corner_hz, kind in ((HORN_BAND_HZ[0], "highpass"), (upper_hz, "lowpass")):
        rows = signal.butter(2, corner_hz, kind, fs=sample_rate_hz, output="sos")
        clipped = signal.sosfilt(rows, clipped)
    return np.asarray(clipped)


def active_power(sound: Mono, sample_rate_hz: int, below_loudest_db: float = 40.0) -> float:
    """Mean power of the 25 ms frames within `below_loudest_db` of the loudest (STOI's own rule)."""
    size = sample_rate_hz // 40
    whole = len(sound) // size * size
    powers = np.mean(sound[:whole].reshape(-1, size) ** 2, axis=1)
    return float(powers[powers > powers.max() * 10 ** (-below_loudest_db / 10)].mean())


def babble(voices: list[Mono], length: int, sample_rate_hz: int, seed: int) -> Mono:
    """Eight of `voices` at one level, each looped from a place of its own, added; rms 1."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(voices), size=min(_BABBLE_VOICES, len(voices)), replace=False)
    mixed = np.zeros(length)
    for index in chosen:
        voice = voices[index] / np.sqrt(active_power(voices[index], sample_rate_hz))
        start = int(rng.integers(len(voice)))
        mixed += np.resize(np.roll(voice, -start), length)
    unit: Mono = mixed / np.sqrt(np.mean(mixed**2))
    return unit


def street(length: int, sample_rate_hz: int, seed: int) -> Mono:
    """Traffic: falls 6 dB per octave above 500 Hz, rumbles at 40-120 Hz, swells slowly; rms 1."""
    rng = np.random.default_rng(seed)
    frequencies_hz = np.fft.rfftfreq(length, 1 / sample_rate_hz)
    shape = 1 / np.sqrt(1 + (frequencies_hz / 500.0) ** 2)
    shape += 3.0 * np.exp(-(((frequencies_hz - 80.0) / 40.0) ** 2))
    spectrum = np.fft.rfft(rng.standard_normal(length)) * shape
    noise = np.fft.irfft(spectrum, length)
    seconds = np.arange(length) / sample_rate_hz
    swell_db = 3.0 * np.sin(2 * np.pi * (0.15 * seconds + rng.random()))
    noise *= 10 ** (swell_db / 20)
    unit: Mono = noise / np.sqrt(np.mean(noise**2))
    return unit
