"""Linear filters by the block: L samples and the state behind them are one matrix product.

A recursive filter run sample by sample waits for its own past. Written as a state space,

    x[n+1] = A x[n] + B u[n]        y[n] = C x[n] + D u[n]

the outputs of L samples in a row are a fixed matrix times (state, L inputs), and so is the state
after them. Only that state is carried from block to block; the outputs of R = 64 blocks are then
computed side by side (laps.py), which costs little more for eight sections than for two.

The state is chosen well: the poles become a chain of all-pass sections in normalised lattice form
(A. H. Gray, J. D. Markel, IEEE Trans. ASSP 23, 1975). Its matrices are rotations, its states stay
as small as the input whatever the corner, and every filter that shares these poles is a weighted
sum of the same states: the bands of a crossover need one state, not one each.

The design is float64, the work float32: with states as small as the input, rounding lies about
125 dB below the signal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.lanes import LANES

COLUMNS = 64  # blocks that run side by side
GROUP = 8  # outputs that are worked on together
_MOST_DOUBLINGS = 60

Matrix = npt.NDArray[np.float64]
Row = npt.NDArray[np.float32]
System = tuple[Matrix, Matrix, Matrix, float]


@dataclass(frozen=True)
class BlockForm:
    """The matrices of a filter with one input and `outputs` outputs, as the kernels take them.

    Attributes
    ----------
    outputs, states, block
        Sizes; `block` is L.
    wide
        Places kept for the states: a multiple of 16.
    rows
        Rows kept for each output: `block`, up to a multiple of 8, and at least 16.
    drive, step
        Shapes (block, wide) and (states up to a multiple of 4, wide), flat. The next block's state
        is inputs @ drive + state @ step.
    sums
        Shape (outputs * rows / 8, states + rows, 8), flat: the weights of the states and the inputs
        in eight outputs at a time.
    """

    outputs: int
    states: int
    block: int
    wide: int
    rows: int
    drive: Row
    step: Row
    sums: Row

    @property
    def lap(self) -> int:
        """Samples that are worked on together."""
        return self.block * COLUMNS

    @property
    def tables(self) -> tuple[npt.NDArray[Any], ...]:
        """The sizes (block, states, wide, rows) and the matrices as the kernels take them."""
        sizes = np.array([self.block, self.states, self.wide, self.rows])
        return sizes, self.drive, self.step, self.sums

    def scratch(self, channels: int) -> tuple[Row, ...]:
        """Return room for one lap: (drives, states, terms, line, sums per channel)."""
        return (
            np.zeros(COLUMNS * self.wide, np.float32),
            np.zeros((COLUMNS + 1) * self.wide, np.float32),
            np.zeros((self.states + self.rows) * COLUMNS, np.float32),
            np.zeros(self.lap + LANES, np.float32),
            np.zeros((channels, self.outputs * self.rows * COLUMNS), np.float32),
        )

    def stream(self, channels: int) -> tuple[npt.NDArray[Any], ...]:
        """Return what a stream carries.

        States (2, c, wide) at the beginning and the end of the lap, its inputs so far (c, lap and
        16 more), and their number (1,).
        """
        return (
            np.zeros((2, channels, self.wide), np.float32),
            np.zeros((channels, self.lap + LANES), np.float32),
            np.zeros(1, np.int64),
        )


def _section(row: npt.NDArray[np.float64]) -> System:
    """One second-order section in transposed direct form II."""
    b0, b1, b2, a1, a2 = (float(value) for value in row)
    return (
        np.array([[-a1, 1.0], [-a2, 0.0]]),
        np.array([b1 - a1 * b0, b2 - a2 * b0]),
        np.array([1.0, 0.0]),
        b0,
    )


def _lattice(a1: float, a2: float) -> System:
    """All-pass of the denominator 1 + a1 z^-1 + a2 z^-2: two rotations, by k1 and by k2."""
    k1, k2 = a1 / (1.0 + a2), a2
    c1, c2 = np.sqrt((1.0 - k1) * (1.0 + k1)), np.sqrt((1.0 - k2) * (1.0 + k2))
    return (
        np.array([[-k1, -c1 * k2], [c1, -k1 * k2]]),
        np.array([c1 * c2, k1 * c2]),
        np.array([0.0, c2]),
        k2,
    )


def _in_series(systems: list[System]) -> System:
    a, b, c, d = systems[0]
    for a2, b2, c2, d2 in systems[1:]:
        size = len(a)
        joined = np.zeros((size + len(a2),) * 2)
        joined[:size, :size], joined[size:, size:] = a, a2
        joined[size:, :size] = np.outer(b2, c)
        a, b = joined, np.concatenate((b, b2 * d))
        c, d = np.concatenate((d2 * c, c2)), d * d2
    return a, b, c, d


def _weights(wanted: System, a: Matrix, b: Matrix) -> Matrix:
    """Return the weights of the orthonormal states (a, b) that make up `wanted`.

    They are the inner products of the impulse responses; their sum over all time,
    W = sum A1^n b1 b^T (a^T)^n, is doubled in length at every turn.
    """
    a1, b1, c1, _ = wanted
    total, left, right = np.outer(b1, b), a1, a.T
    for _ in range(_MOST_DOUBLINGS):
        more = left @ total @ right
        total = total + more
        if np.abs(more).max() <= 1e-18 * np.abs(total).max():
            break
        left, right = left @ left, right @ right
    return np.asarray(c1 @ total)


def block_form(bands: list[npt.NDArray[np.float64]], block: int) -> BlockForm:
    """Turn filters of the same input into one block form.

    Parameters
    ----------
    bands
        For each output its cascade of second-order sections, rows b0 b1 b2 a1 a2 of shape (k, 5).
    block
        Samples per block.
    """
    needed: Counter[tuple[float, float]] = Counter()
    for rows in bands:
        needed |= Counter((float(row[3]), float(row[4])) for row in rows)
    a, b, _, _ = _in_series([_lattice(*poles) for poles in needed.elements()])
    systems = [_in_series([_section(row) for row in rows]) for rows in bands]
    c = np.array([_weights(system, a, b) for system in systems])
    d = np.array([system[3] for system in systems])
    states, count = len(a), max(block + -block % GROUP, LANES)
    reached = np.zeros((block, states))  # A^i B
    reached[0] = b
    for i in range(1, block):
        reached[i] = a @ reached[i - 1]
    answer = np.concatenate((d[None], reached[:-1] @ c.T))  # the impulse response, (block, outputs)
    sums = np.zeros((len(bands), count, states + count))
    power = np.eye(states)
    for i in range(block):
        sums[:, i, :states] = c @ power
        power = power @ a
        for j in range(i + 1):
            sums[:, i, states + j] = answer[i - j]
    wide = states + -states % LANES
    drive, step = np.zeros((block, wide)), np.zeros((states + -states % 4, wide))
    drive[:, :states], step[:states, :states] = reached[::-1], power.T
    groups = sums.reshape(-1, GROUP, states + count).transpose(0, 2, 1)
    flat = (np.ascontiguousarray(m, np.float32).reshape(-1) for m in (drive, step, groups))
    return BlockForm(len(bands), states, block, wide, count, *flat)
