"""What a compressor and a de-esser do to every sample: split into bands, weigh, put together.

Work goes in laps of the crossover's block form (laps.py): 64 blocks side by side, a whole number of
control periods. Between splitting and mixing the caller decides the gains, one per band and period,
from the powers of the periods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp.kernel import inlined
from dsp.lanes import LANES, load, splat, store
from dsp.master.laps import hand_out, run_lap, take_in, turn_back
from dsp.master.state_space import COLUMNS

# Gains and slopes of every band (2, bands * 64), mixed (rows * 64).
MIXING = "Tuple((float32[:, ::1], float32[::1]))"


def mixing_scratch(bands: int, rows: int) -> tuple[Any, ...]:
    """Return the scratch that MIXING describes."""
    return np.zeros((2, bands * COLUMNS), np.float32), np.zeros(rows * COLUMNS, np.float32)


@inlined
def split_lap(frames: Any, start: Any, count: Any, form: Any, stream: Any, scratch: Any) -> None:
    """Add `count` of `frames` (n, c) to the lap and split the whole lap, channel by channel."""
    states, held, filled = stream
    for c in range(frames.shape[1]):
        take_in(frames, start, count, c, held[c], filled[0])
        run_lap(held[c], form, states[0, c], states[1, c], scratch, scratch[4][c])


@inlined
def measure_bands(sums: Any, sizes: Any, squares: Any, powers: Any) -> None:
    """Write the mean power of each band in each period of the lap to `powers` (bands, periods).

    `sums` (c, bands * rows * 64) are the bands; `squares` (64,) is scratch.
    """
    block, rows = sizes[0], sizes[3]
    bands, periods = powers.shape
    blocks = COLUMNS // periods
    share = 1.0 / (blocks * block * sums.shape[0])
    for b in range(bands):
        t0 = t1 = t2 = t3 = splat(0.0)
        for c in range(sums.shape[0]):
            own = sums[c]
            for i in range(block):
                at = (b * rows + i) * COLUMNS
                v0, v1 = load(own, at), load(own, at + LANES)
                v2, v3 = load(own, at + 2 * LANES), load(own, at + 3 * LANES)
                t0, t1, t2, t3 = t0 + v0 * v0, t1 + v1 * v1, t2 + v2 * v2, t3 + v3 * v3
        store(t0, squares, 0)
        store(t1, squares, LANES)
        store(t2, squares, 2 * LANES)
        store(t3, squares, 3 * LANES)
        for k in range(periods):
            total = 0.0
            for r in range(k * blocks, (k + 1) * blocks):
                total += np.float64(squares[r])
            powers[b, k] = share * total


@inlined
def draw_lines(gains: Any, block: Any, lines: Any) -> None:
    """Write the gain at the first sample of every block, and its slope, to `lines` (2, bands * 64).

    In period k the gain of band b runs straight from gains[b, k] to gains[b, k + 1].
    """
    periods = gains.shape[1] - 2
    blocks = COLUMNS // periods
    share = 1.0 / (blocks * block)
    for b in range(gains.shape[0]):
        first = lines[0, b * COLUMNS : (b + 1) * COLUMNS]
        slope = lines[1, b * COLUMNS : (b + 1) * COLUMNS]
        own = gains[b]
        if blocks == 1:  # without the inner loop the compiler takes many periods at once
            for k in range(COLUMNS):
                step = (own[k + 1] - own[k]) * share
                slope[k] = np.float32(step)
                first[k] = np.float32(own[k] + step)
            continue
        for k in range(periods):
            step = (own[k + 1] - own[k]) * share
            for r in range(blocks):
                slope[k * blocks + r] = np.float32(step)
                first[k * blocks + r] = np.float32(own[k] + step * (r * block + 1))


@inlined
def mix_lap(sums: Any, sizes: Any, lines: Any, mixed: Any, line: Any) -> None:
    """Add the bands of one channel, `sums` (bands * rows * 64,), under their gains into `line`.

    `lines` as `draw_lines` leaves them; `mixed` (rows * 64,) is scratch.
    """
    block, rows = sizes[0], sizes[3]
    first, slope = lines[0], lines[1]
    bands = first.shape[0] // COLUMNS
    for c in range(0, COLUMNS, LANES):
        for i in range(0, rows, 4):
            t0 = t1 = t2 = t3 = splat(0.0)
            for b in range(bands):
                at = (b * rows + i) * COLUMNS + c
                tilt = load(slope, b * COLUMNS + c)
                gain = load(first, b * COLUMNS + c) + tilt * splat(np.float32(i))
                t0 = t0 + load(sums, at) * gain
                gain = gain + tilt
                t1 = t1 + load(sums, at + COLUMNS) * gain
                gain = gain + tilt
                t2 = t2 + load(sums, at + 2 * COLUMNS) * gain
                gain = gain + tilt
                t3 = t3 + load(sums, at + 3 * COLUMNS) * gain
            place = i * COLUMNS + c
            store(t0, mixed, place)
            store(t1, mixed, place + COLUMNS)
            store(t2, mixed, place + 2 * COLUMNS)
            store(t3, mixed, place + 3 * COLUMNS)
    turn_back(mixed, block, line)


@inlined
def mix_channels(gains: Any, form: Any, scratch: Any, mixing: Any, place: Any, out: Any) -> None:
    """Mix all channels of a lap, and copy samples of it to `out` (n, c).

    `place`: the first of them, how many, and where the first goes.
    """
    at, count, start = place
    lines, mixed = mixing
    sizes = form[0]
    draw_lines(gains, sizes[0], lines)
    for c in range(out.shape[1]):
        mix_lap(scratch[4][c], sizes, lines, mixed, scratch[3])
        hand_out(scratch[3], at, count, c, start, out)
