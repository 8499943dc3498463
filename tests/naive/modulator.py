"""Slow twin of the modulator: exact phases, and the spectrum of FM by its definition."""

import numpy as np
from scipy.special import jv


def carrier(composite, rate_hz, offset_hz=0.0):
    """FM of `composite` (1.0 = 100 kHz) in long double: the phase is a plain sum."""
    steps = np.asarray(composite, np.longdouble) * 100_000 / rate_hz
    turns = np.cumsum(steps) + offset_hz / rate_hz * np.arange(1, len(steps) + 1)
    return np.exp(2j * np.pi * (turns % 1.0).astype(np.float64))


def tone(hertz, deviation_hz, rate_hz, count):
    """Composite whose plain sum is the exact phase of tone modulation: means, not samples."""
    angle = 2 * np.pi * hertz / rate_hz * np.arange(count + 1)
    return deviation_hz / 100_000 * np.diff(np.sin(angle)) / (2 * np.pi * hertz / rate_hz)


def flat_top(count):
    """Window whose lines read their level within 0.001 dB wherever they fall (HFT90D)."""
    z = 2 * np.pi * np.arange(count) / count
    weights = (1, -1.942604, 1.340318, -0.440811, 0.043097)
    window = sum(w * np.cos(k * z) for k, w in enumerate(weights))
    return window / window.sum()


def line_dbc(iq, hertz, rate_hz):
    """Level of the line at `hertz` of a carrier of amplitude 1."""
    turns = hertz / rate_hz * np.arange(len(iq))
    level = abs(np.sum(flat_top(len(iq)) * iq * np.exp(-2j * np.pi * (turns % 1.0))))
    return 20 * np.log10(max(level, 1e-12))


def bessel_dbc(order, index):
    return 20 * np.log10(abs(jv(order, index)))


def demodulated(iq, rate_hz):
    """What a discriminator gives, 1.0 = 100 kHz."""
    iq = np.asarray(iq, np.complex128)
    return np.angle(iq[1:] * np.conj(iq[:-1])) * rate_hz / (2 * np.pi) / 100_000


def occupied_hz(iq, rate_hz, share=0.99):
    """Occupied bandwidth: (1 - share) / 2 of the power beyond either edge (SM.328)."""
    window = np.blackman(4_096)
    power = np.zeros(4_096)
    for start in range(0, len(iq) - 4_096, 2_048):
        power += np.abs(np.fft.fft(iq[start : start + 4_096] * window)) ** 2
    power = np.cumsum(np.fft.fftshift(power)) / power.sum()
    hertz = np.fft.fftshift(np.fft.fftfreq(4_096, 1 / rate_hz))
    low, high = np.searchsorted(power, [(1 - share) / 2, (1 + share) / 2])
    return hertz[high] - hertz[low]
