"""What a compressor and a de-esser do to every sample: split into bands, weigh, put together.

Work goes in laps of the crossover's block form (state_space.py): 64 blocks side by side, a whole
number of control periods. Between splitting and mixing the caller decides the gains, one per band
and period, from the powers of the periods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp.kernel import inlined
from dsp.master.state_space import COLUMNS, run_lap

FORM = "Tuple((float32[:, ::1], float32[:, ::1], float32[:, ::1]))"
# states (2, c, n), inputs of the lap so far (c, lap), their number (1,)
STREAM = "Tuple((float32[:, :, ::1], float32[:, ::1], int64[::1]))"
# terms, drives, sums (c, …) of the block form; mixed (lap,)
SCRATCH = "Tuple((float32[::1], float32[::1], float32[:, ::1], float32[::1]))"


@inlined
def split_lap(frames: Any, form: Any, stream: Any, scratch: Any) -> None:
    """Add `frames` (n, c) to the lap and split the whole lap into bands, channel by channel."""
    states, held, filled = stream
    terms, drives, sums, _ = scratch
    block = held.shape[1] // COLUMNS
    for c in range(frames.shape[1]):
        fresh = held[c, filled[0] : filled[0] + frames.shape[0]]
        for i in range(frames.shape[0]):
            fresh[i] = frames[i, c]
        run_lap(held[c], block, form, states[0, c], states[1, c], (terms, drives, sums[c]))


@inlined
def measure_bands(sums: Any, block: Any, rows: Any, share: Any, squares: Any, powers: Any) -> None:
    """Write the mean power of each band in each period of the lap to `powers` (bands, periods).

    `sums` (c, bands * rows * COLUMNS) are the bands; `share` = 1 / (period * channels); `squares`
    (COLUMNS,) is scratch.
    """
    bands, periods = powers.shape
    blocks = COLUMNS // periods
    for b in range(bands):
        for r in range(COLUMNS):
            squares[r] = 0
        for c in range(sums.shape[0]):
            for i in range(block):
                line = sums[c, (b * rows + i) * COLUMNS : (b * rows + i + 1) * COLUMNS]
                for r in range(COLUMNS):
                    squares[r] = squares[r] + line[r] * line[r]
        for k in range(periods):
            total = 0.0
            for r in range(k * blocks, (k + 1) * blocks):
                total += np.float64(squares[r])
            powers[b, k] = share * total


@inlined
def mix_lap(sums: Any, block: Any, rows: Any, gains: Any, lines: Any, mixed: Any) -> None:
    """Add the bands of one channel, `sums` (bands * rows * COLUMNS,), under their gains.

    In period k the gain of band b runs straight from gains[b, k] to gains[b, k + 1]. `lines` (2,
    COLUMNS) is scratch; `mixed` (block * COLUMNS,) receives sample i of block r at i * COLUMNS + r.
    """
    bands = gains.shape[0]
    periods = gains.shape[1] - 2
    blocks = COLUMNS // periods
    first, slope = lines[0], lines[1]
    for i in range(block * COLUMNS):
        mixed[i] = 0
    for b in range(bands):
        for r in range(COLUMNS):
            k = r // blocks
            step = (gains[b, k + 1] - gains[b, k]) / (block * blocks)
            slope[r] = np.float32(step)
            first[r] = np.float32(gains[b, k] + step * ((r - k * blocks) * block + 1))
        for i in range(block):
            line = sums[(b * rows + i) * COLUMNS : (b * rows + i + 1) * COLUMNS]
            own = mixed[i * COLUMNS : (i + 1) * COLUMNS]
            place = np.float32(i)
            for r in range(COLUMNS):
                own[r] = own[r] + line[r] * (first[r] + slope[r] * place)
