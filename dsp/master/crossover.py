"""Linkwitz-Riley crossover: one signal into two to eight bands whose sum is as flat as the input.

A fourth-order Linkwitz-Riley low-pass (two equal Butterworth rows) and its high-pass add up to an
all-pass (S. Lipshitz, J. Vanderkooy, JAES 34, 1986). So per corner: low = LP(LP(rest)), and
rest = AP(rest) - low. A band split off earlier misses the turn of phase of the later corners and
gets their all-pass alone; then all bands agree in phase and their plain sum is flat.

All bands have the same poles, each corner's twice, and one input: they are weighted sums of one
state (state_space.py) of four numbers per corner. float32 is enough: rounding lies 125 dB below the
signal.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dsp.master.biquad import Sections, all_pass, high_pass, low_pass
from dsp.master.state_space import COLUMNS, BlockForm, block_form

MAX_BANDS = 8
_LONGEST_BLOCK = 24


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


def band_block(period: int) -> int:
    """Return the block length of a crossover whose control period is `period` samples.

    A period must be a whole number of blocks and a lap a whole number of periods.
    """
    block = period
    while block > _LONGEST_BLOCK and block % 2 == 0 and period // block < COLUMNS:
        block //= 2
    return block


def band_form(sample_rate_hz: float, corners_hz: tuple[float, ...], period: int) -> BlockForm:
    """Return the block form of all bands, float32, the lowest band first."""
    return block_form(band_sections(sample_rate_hz, corners_hz), band_block(period))
