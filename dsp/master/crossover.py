"""Linkwitz-Riley crossover: one signal into two to eight bands whose sum is as flat as the input.

A fourth-order Linkwitz-Riley low-pass (two equal Butterworth rows) and its high-pass add up to an
all-pass (S. Lipshitz, J. Vanderkooy, JAES 34, 1986). So per corner: low = LP(LP(rest)), and
rest = AP(rest) - low. A band split off earlier misses the turn of phase of the later corners and
gets their all-pass alone; then all bands agree in phase and their plain sum is flat.

All three filters of a corner have one denominator. In direct form II the low-pass and the all-pass
of the same input share their memory: a corner costs 13 operations and an all-pass 4, and the
recursion waits for one multiply-add (4 cycles) instead of two.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined
from dsp.master.biquad import Sections, all_pass, high_pass, low_pass

MAX_BANDS = 8
_NOTHING = 1e-30


def _check(corners_hz: tuple[float, ...]) -> None:
    if not 1 <= len(corners_hz) < MAX_BANDS:
        raise ValueError(f"corners_hz: expected 1 to {MAX_BANDS - 1}, got {len(corners_hz)}")
    if any(low >= high for low, high in pairwise(corners_hz)):
        raise ValueError(f"corners_hz: expected rising, got {corners_hz}")


def band_sections(sample_rate_hz: float, corners_hz: tuple[float, ...]) -> list[Sections]:
    """Return rows (k, 5) of each band as a cascade of its own: the definition, for tests."""
    _check(corners_hz)
    bands = []
    for band in range(len(corners_hz) + 1):
        rows = []
        for index, corner_hz in enumerate(corners_hz):
            if index < band:
                rows += [high_pass(sample_rate_hz, corner_hz)] * 2
            elif index == band:
                rows += [low_pass(sample_rate_hz, corner_hz)] * 2
            else:
                rows.append(all_pass(sample_rate_hz, corner_hz))
        bands.append(np.vstack(rows))
    return bands


def corner_rows(sample_rate_hz: float, corners_hz: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Return rows (corners, 3): a1, a2 and the low-pass gain b0 that `split_bands` needs."""
    _check(corners_hz)
    rows = [low_pass(sample_rate_hz, corner_hz)[0] for corner_hz in corners_hz]
    return np.array([[a1, a2, b0] for b0, _, _, a1, a2 in rows])


def crossover_memory(channels: int, corners: int) -> npt.NDArray[np.float64]:
    """Return a state (channels, corners, corners + 1, 2): per corner two low-passes, all-passes."""
    return np.zeros((channels, corners, corners + 1, 2))


@inlined
def split_bands(samples: Any, rows: Any, memory: Any, bands: Any, sums: Any) -> None:
    """Write the bands of `samples` (n,) to bands[:, :n] and add their squares to `sums` (bands,).

    `memory` (corners, corners + 1, 2) is one channel's. The squares are added one by one, in the
    shadow of the filters: the sum does not depend on how the stream is cut.
    """
    corners = rows.shape[0]
    for n in range(samples.shape[0]):
        rest = np.float64(samples[n])
        for j in range(corners):
            a1, a2, gain = rows[j, 0], rows[j, 1], rows[j, 2]
            u1, u2 = memory[j, 0, 0], memory[j, 0, 1]
            u = (rest - a2 * u2) - a1 * u1
            memory[j, 0, 0], memory[j, 0, 1] = u, u1
            low = gain * ((u + u2) + 2.0 * u1)
            turned = a2 * u + a1 * u1 + u2
            w1, w2 = memory[j, 1, 0], memory[j, 1, 1]
            w = (low - a2 * w2) - a1 * w1
            memory[j, 1, 0], memory[j, 1, 1] = w, w1
            low = gain * ((w + w2) + 2.0 * w1)
            rest = turned - low
            for i in range(j):
                v1, v2 = memory[j, 2 + i, 0], memory[j, 2 + i, 1]
                v = (bands[i, n] - a2 * v2) - a1 * v1
                memory[j, 2 + i, 0], memory[j, 2 + i, 1] = v, v1
                bands[i, n] = a2 * v + a1 * v1 + v2
            bands[j, n] = low
        bands[corners, n] = rest
        for b in range(corners + 1):
            sums[b] += bands[b, n] * bands[b, n]


@inlined
def flush_memory(memory: Any) -> None:
    """Set memories below 1e-30 to zero: silence must not run on denormal numbers."""
    flat = memory.reshape(memory.size)
    for i in range(flat.size):
        if abs(flat[i]) < _NOTHING:
            flat[i] = 0.0
