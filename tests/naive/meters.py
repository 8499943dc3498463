"""Slow float64 twins of the meters: each definition written out over the whole sound.

Frames are float64 of shape (n, channels), full scale 1.0. Nothing is shared with the product but
the numbers of the standards.
"""

from itertools import pairwise

import numpy as np
from scipy.signal import lfilter


def k_weighted(samples, rate):
    """BS.1770 annex 1: shelf, then high-pass, both by bilinear transform of the prototype."""
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    b = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]
    a = [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
    shelved = lfilter(b, a, samples, axis=0)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + k / q + k * k
    a = [1, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]
    return lfilter([1, -2, 1], a, shelved, axis=0)


def energy_10ms(frames, rate, weights):
    """Weighted mean square of the K-weighted sound in every whole 10 ms of the clock."""
    power = k_weighted(frames, rate) ** 2 @ np.asarray(weights)
    edges = (np.arange(len(frames) * 100 // rate + 2) * rate + 50) // 100
    edges = edges[edges <= len(frames)]
    return np.array([power[a:b].sum() for a, b in pairwise(edges)]) * 100 / rate


def integrated(energy):
    """Two-pass gating over 400 ms blocks, every 100 ms."""
    blocks = np.array([energy[i : i + 40].mean() for i in range(0, len(energy) - 39, 10)])
    loud = blocks[-0.691 + 10 * np.log10(blocks + 1e-30) > -70]
    gate = -0.691 + 10 * np.log10(loud.mean()) - 10
    return -0.691 + 10 * np.log10(loud[-0.691 + 10 * np.log10(loud) > gate].mean())


def loudest(energy, steps):
    """Largest mean over `steps` values, at any step."""
    return -0.691 + 10 * np.log10(
        max(energy[i : i + steps].mean() for i in range(len(energy) - steps + 1))
    )


def speech_level(samples, rate):
    """P.56 method B, sample by sample: (active level in dBov, activity in percent)."""
    g = np.exp(-1 / (rate * 0.03))
    envelope = lfilter([1 - g], [1, -g], lfilter([1 - g], [1, -g], np.abs(samples)))
    hangover = round(0.2 * rate)
    at = np.arange(len(samples))
    square = np.sum(samples**2)
    before = None
    for j in range(15):
        last = np.maximum.accumulate(np.where(envelope >= 2.0 ** (j - 15), at, -(10**9)))
        active = np.count_nonzero(at - last <= hangover)
        if not active:
            break
        level = 10 * np.log10(square / active)
        gap = level - 20 * np.log10(2.0 ** (j - 15))
        if gap <= 15.9:
            if before is not None:
                share = (before[1] - 15.9) / (before[1] - gap)
                level = before[0] + share * (level - before[0])
            return level, 100 * square / len(samples) / 10 ** (level / 10)
        before = (level, gap)
    return None


def peak_by_fourier(samples, factor=32):
    """Largest magnitude of the band-limited sound: zeros appended to its spectrum.

    The sound is taken as periodic; give it silent ends.
    """
    spectrum = np.fft.rfft(samples)
    return np.abs(np.fft.irfft(spectrum, factor * len(samples))).max() * factor


def peak_by_convolution(samples, phases):
    """Largest magnitude of the samples and of every phase, in full."""
    return max(
        np.abs(samples).max(),
        *(np.abs(np.convolve(samples, phase[::-1])).max() for phase in phases),
    )
