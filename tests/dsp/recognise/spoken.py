"""Speech-like sound for tests: syllables of a few resonances over a pitch, pauses between words."""

import functools
from dataclasses import replace

import numpy as np


@functools.cache
def speech(seconds, seed, rate_hz=8_000):
    """Return float32 (n,): a new text for every seed, in one voice."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    sound = np.zeros(n)
    at = int(0.1 * rate_hz)
    while at < n:
        length = int(rng.uniform(0.12, 0.3) * rate_hz)
        t = np.arange(length) / rate_hz
        pitch = rng.uniform(110, 200) + rng.uniform(-80, 80) * t
        phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
        source = np.sum([np.sin(k * phase) / k for k in range(1, 18)], axis=0)
        spectrum = np.fft.rfft(source + 0.1 * rng.standard_normal(length))
        frequency = np.fft.rfftfreq(length, 1 / rate_hz)
        shape = sum(
            1.0 / (1.0 + ((frequency - rng.uniform(lo, hi)) / 90.0) ** 2)
            for lo, hi in ((300, 850), (900, 2200), (2300, 3200))
        )
        syllable = np.fft.irfft(spectrum * shape, length) * np.hanning(length)
        syllable *= rng.uniform(0.3, 1.0) / (np.abs(syllable).max() + 1e-9)
        stop = min(n, at + length)
        sound[at:stop] += syllable[: stop - at]
        at += int(length * rng.uniform(0.7, 1.1))
        if rng.random() < 0.15:
            at += int(rng.uniform(0.1, 0.5) * rate_hz)
    spoken = (0.3 * sound).astype(np.float32)
    spoken.flags.writeable = False
    return spoken


def noisy(sound, snr_db, seed=1):
    """Return `sound` with white noise."""
    rng = np.random.default_rng(seed)
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-snr_db / 20)
    return (sound + level * rng.standard_normal(len(sound))).astype(np.float32)


def doubtful(prints):
    """Return prints with a quarter of their signs turned over: they score 1.16."""
    words = prints.words.copy()
    dice = np.random.default_rng(5)
    for bit in range(32):
        turned = dice.random(len(words)) < 0.25
        words[turned] ^= np.uint32(1 << bit)
    return replace(prints, words=words)
