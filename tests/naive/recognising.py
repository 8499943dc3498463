"""Slow twins of `dsp.recognise`: words by the definition, candidates by looking everywhere."""

import numpy as np
import scipy.fft

from dsp.recognise import grid

FLOOR = 1e-6
SPREAD = (2.5, 1.1, 1.05, 1.0, 0.57, 0.58, 0.53, 0.44)


def values(sound):
    """Return (frames, 32) values of a whole sound at 8 kHz, in spreads."""
    frames = -(-len(sound) // grid.FRAME)
    padding = grid.LOCAL + grid.PATCH
    half = grid.WINDOW // 2
    before = half + padding * grid.FRAME
    padded = np.concatenate([np.zeros(before), sound, np.zeros(before + grid.WINDOW)])
    window = np.hanning(grid.WINDOW + 1)[: grid.WINDOW]
    weights = grid.band_weights().astype(float)
    powers = []
    for t in range(-padding, frames + padding):
        at = before + t * grid.FRAME - half
        powers.append(np.abs(scipy.fft.rfft(padded[at : at + grid.WINDOW] * window)) ** 2 @ weights)
    powers = np.array(powers)
    root = np.zeros_like(powers)
    for n in range(grid.LOCAL, len(powers) - grid.LOCAL):
        own = powers[n - grid.LOCAL : n + grid.LOCAL + 1].mean(axis=0)
        level = np.sqrt((own + FLOOR) * (own.mean() + FLOOR))
        root[n] = (powers[n] / level) ** 0.25
    found = np.zeros((frames, grid.WORD_BITS))
    times, bands = grid.time_filters().astype(float), grid.band_filters().astype(float)
    for t in range(frames):
        first = t + padding - grid.PATCH // 2
        patch = root[first : first + grid.PATCH]
        for f, (i, j) in enumerate(grid.FILTERS):
            found[t, f] = times[i] @ patch @ bands[j] / SPREAD[j]
    return found


def along(words, prints, offset, speed):
    """Return errors and signs along a line, one step of the reference after another."""
    errors = signs = 0
    for p, word in enumerate(words):
        f = round((p * grid.STEP - offset) / speed) - prints.first
        if 0 <= f < len(prints) and prints.activity[f] >= 0.32:
            sure = int(prints.sure[f])
            errors += ((int(word) ^ int(prints.words[f])) & sure).bit_count()
            signs += sure.bit_count()
    return errors, signs
