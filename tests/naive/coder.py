"""Slow twin of the stereo coder: float64, whole signal, every step as its definition says."""

import numpy as np

RATE_HZ = 192_000


def raise_rate(x, low_pass, prototype):
    """Filter at 48 kHz, insert three zeros after every sample, filter at 192 kHz."""
    filtered = np.convolve(x, low_pass)[: len(x)]
    stuffed = np.zeros(4 * len(x))
    stuffed[::4] = filtered
    return 4.0 * np.convolve(stuffed, prototype)[: len(stuffed)]


def wave(x, factor=16):
    """The band-limited wave of a periodic signal, `factor` times oversampled."""
    spectrum = np.fft.rfft(np.asarray(x, np.float64))
    padded = np.zeros(len(x) * factor // 2 + 1, complex)
    padded[: len(spectrum)] = spectrum
    return np.fft.irfft(padded, len(x) * factor) * factor


def carrier(hertz, index, phase_rad=0.0):
    """sin(2 pi hertz t) at sample numbers `index`, whole turns taken out in integers."""
    turns = (int(hertz) * np.asarray(index)) % RATE_HZ
    return np.sin(2 * np.pi * turns / RATE_HZ + phase_rad)


def multiplex(left, right, share_hz, pilot_hz):
    """Composite of band-limited, pre-emphasised `left`, `right`, 1.0 = 100 kHz."""
    index = np.arange(len(left))
    middle, side = (left + right) / 2, (left - right) / 2
    audio = middle + side * carrier(38_000, index)
    return (share_hz * audio + pilot_hz * carrier(19_000, index)) / 100_000


def phasor(x, hertz, rate_hz=RATE_HZ):
    """Complex amplitude of the tone of `hertz` in `x`: |p| its peak, angle that of a cosine.

    `x` must hold whole periods of everything in it.
    """
    turns = (int(hertz) * np.arange(len(x))) % rate_hz
    return 2 * np.mean(np.asarray(x, np.float64) * np.exp(-2j * np.pi * turns / rate_hz))
