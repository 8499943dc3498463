"""Test signals of EBU Tech 3341 and 3342 v4, made from their definitions."""

import numpy as np

from dsp.measure.programme import ProgrammeMeter


def tone(levels_and_seconds, rate, hz=1000.0, channels=2):
    """A sine whose peak steps through `(dBFS or None, seconds)`; in phase in all channels."""
    parts = []
    for level, seconds in levels_and_seconds:
        gain = 0.0 if level is None else 10 ** (level / 20)
        parts.append(np.full(round(seconds * rate), gain))
    gain = np.concatenate(parts)
    wave = gain * np.sin(2 * np.pi * hz * np.arange(len(gain)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def faded(samples, count):
    """Raised-cosine ends: a sine cut off abruptly has real peaks beyond its amplitude."""
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    samples = np.array(samples)
    samples[:count] *= ramp
    samples[-count:] *= ramp[::-1]
    return samples


def peak_sine(period, amplitude, degrees, rate):
    """Cases 15 to 19: a sine of rate / period."""
    n = np.arange(rate)
    return faded(amplitude * np.sin(2 * np.pi * n / period + np.deg2rad(degrees)), rate // 20)


def hidden_burst(offset, rate):
    """Cases 20 to 23: one period of rate / 4 at 1.0 in a sine of rate / 6 at 0.5.

    Made at four times the rate (so the period is 16, the sine 24 points), band-limited through its
    spectrum, and thinned beginning at `offset`.
    """
    count = rate
    n = np.arange(count)
    wave = 0.5 * np.sin(2 * np.pi * n / 24)
    start = count // 2 // 48 * 48
    wave[start : start + 16] = np.sin(2 * np.pi * np.arange(16) / 16)
    wave = faded(wave, count // 20)
    spectrum = np.fft.rfft(wave)
    spectrum[len(spectrum) // 4 :] = 0.0
    return np.fft.irfft(spectrum, count)[offset::4]


def speech_like(seconds, rate, seed=1, level=0.1):
    """Syllables of coloured noise with pauses of exact zeros: 1 s of speech, 0.5 s of nothing."""
    rng = np.random.default_rng(seed)
    n = np.arange(round(seconds * rate))
    colour = np.convolve(rng.standard_normal(len(n)), np.exp(-np.arange(20) / 4.0), "same")
    syllables = 0.5 + 0.5 * np.abs(np.sin(2 * np.pi * 2.0 * n / rate))
    return level * colour / colour.std() * syllables * (n / rate % 1.5 < 1.0)


def frames(samples, channels=1):
    """As float32 of shape (n, channels)."""
    return np.repeat(np.asarray(samples, np.float32)[:, None], channels, axis=1)


def measure(sound, rate, **options):
    """Measure (n, channels) in one piece."""
    meter = ProgrammeMeter(rate, sound.shape[1], **options)
    meter.process(np.ascontiguousarray(sound))
    return meter.result()
