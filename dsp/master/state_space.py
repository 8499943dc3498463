"""Linear filters by the block: L samples and the state behind them are one matrix product.

A recursive filter run sample by sample waits for its own past. Written as a state space,

    x[n+1] = A x[n] + B u[n]        y[n] = C x[n] + D u[n]

the outputs of L samples in a row are a fixed matrix times (state, L inputs), and so is the state
after them. Only that state is carried from block to block; the outputs of R = 64 blocks are then
computed side by side, which costs about as much for eight sections as for two.

The state is chosen well: the poles become a chain of all-pass sections in normalised lattice form
(A. H. Gray, J. D. Markel, IEEE Trans. ASSP 23, 1975). Its matrices are rotations, its states stay
as small as the input whatever the corner, and every filter that shares these poles is a weighted
sum of the same states: the bands of a crossover need one state, not one each.

A *lap* is R blocks, L x R samples counted from the start of the stream. A piece that ends within a
lap leaves the state at the lap's beginning and the inputs since; the next piece runs the lap again
and gives what is new. So the output cannot depend on how the stream was cut, and nothing is late.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined

COLUMNS = 64  # blocks that run side by side
_ROWS = 4  # outputs, and terms of their sums, that are worked on together
_MOST_DOUBLINGS = 60

Matrix = npt.NDArray[np.float64]
System = tuple[Matrix, Matrix, Matrix, float]


@dataclass(frozen=True)
class BlockForm:
    """The matrices of a filter with one input and `outputs` outputs.

    Attributes
    ----------
    outputs, states, block
        Sizes; `block` is L.
    rows
        Rows kept for each output: `block`, and up to a multiple of 4.
    sums
        Shape (outputs * rows, states + rows + 4): weights of the states and of the inputs.
    drive, step
        Shapes (states, rows) and (states, states): the next block's state is drive @ inputs + step
        @ state. Rows up to a multiple of 4 are zero.
    """

    outputs: int
    states: int
    block: int
    rows: int
    sums: npt.NDArray[Any]
    drive: npt.NDArray[Any]
    step: npt.NDArray[Any]

    @property
    def lap(self) -> int:
        """Samples that are worked on together."""
        return self.block * COLUMNS

    @property
    def tables(self) -> tuple[npt.NDArray[Any], ...]:
        """The matrices as the kernels take them."""
        return self.sums, self.drive, self.step

    def scratch(self, channels: int) -> tuple[npt.NDArray[Any], ...]:
        """Return room for one lap: (terms, drives, sums per channel)."""
        kind = self.sums.dtype
        return (
            np.zeros(self.sums.shape[1] * COLUMNS, kind),
            np.zeros(len(self.drive) * COLUMNS, kind),
            np.zeros((channels, self.outputs * self.rows * COLUMNS), kind),
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


def block_form(bands: list[npt.NDArray[np.float64]], block: int, dtype: type[Any]) -> BlockForm:
    """Turn filters of the same input into one block form.

    Parameters
    ----------
    bands
        For each output its cascade of second-order sections, rows b0 b1 b2 a1 a2 of shape (k, 5).
    block
        Samples per block.
    dtype
        np.float32 or np.float64: in what the kernel computes. The design itself is float64.
    """
    needed: Counter[tuple[float, float]] = Counter()
    for rows in bands:
        needed |= Counter((float(row[3]), float(row[4])) for row in rows)
    a, b, _, _ = _in_series([_lattice(*poles) for poles in needed.elements()])
    systems = [_in_series([_section(row) for row in rows]) for rows in bands]
    c = np.array([_weights(system, a, b) for system in systems])
    d = np.array([system[3] for system in systems])
    states, count = len(a), block + -block % _ROWS
    reached = np.zeros((block, states))  # A^i B
    reached[0] = b
    for i in range(1, block):
        reached[i] = a @ reached[i - 1]
    answer = np.concatenate((d[None], reached[:-1] @ c.T))  # the impulse response, (block, outputs)
    sums = np.zeros((len(bands), count, states + count + _ROWS))
    power = np.eye(states)
    for i in range(block):
        sums[:, i, :states] = c @ power
        power = power @ a
        for j in range(i + 1):
            sums[:, i, states + j] = answer[i - j]
    drive = np.zeros((states + -states % _ROWS, count))
    drive[:states, :block] = reached[::-1].T
    return BlockForm(
        len(bands),
        states,
        block,
        count,
        np.ascontiguousarray(sums.reshape(len(bands) * count, -1), dtype),
        np.ascontiguousarray(drive, dtype),
        np.ascontiguousarray(power, dtype),
    )


@inlined
def _take_in(samples: Any, block: Any, terms: Any) -> None:
    """Write a lap of samples to `terms` (block, COLUMNS): one column for each block."""
    for r in range(COLUMNS):
        own = samples[r * block : (r + 1) * block]
        for j in range(block):
            terms[np.uint64(j) * np.uint64(COLUMNS) + np.uint64(r)] = own[j]


@inlined
def _sum_rows(table: Any, row: Any, count: Any, terms: Any, sums: Any) -> None:
    """Write rows row … row + 3 of the product of `table` and `terms` to `sums` (4, COLUMNS).

    The first `count` columns of the table are taken; four terms at a time, in order.
    """
    t0, t1, t2, t3 = table[row], table[row + 1], table[row + 2], table[row + 3]
    for r in range(4 * COLUMNS):
        sums[r] = 0
    for q in range(0, count, 4):
        v = terms[q * COLUMNS : (q + 4) * COLUMNS]
        a0, a1, a2, a3 = t0[q], t0[q + 1], t0[q + 2], t0[q + 3]
        b0, b1, b2, b3 = t1[q], t1[q + 1], t1[q + 2], t1[q + 3]
        c0, c1, c2, c3 = t2[q], t2[q + 1], t2[q + 2], t2[q + 3]
        d0, d1, d2, d3 = t3[q], t3[q + 1], t3[q + 2], t3[q + 3]
        for r in range(COLUMNS):
            v0, v1 = v[r], v[COLUMNS + r]
            v2, v3 = v[2 * COLUMNS + r], v[3 * COLUMNS + r]
            sums[r] = sums[r] + a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3
            sums[COLUMNS + r] = sums[COLUMNS + r] + b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3
            sums[2 * COLUMNS + r] = sums[2 * COLUMNS + r] + c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3
            sums[3 * COLUMNS + r] = sums[3 * COLUMNS + r] + d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3


@inlined
def run_lap(samples: Any, block: Any, tables: Any, before: Any, after: Any, scratch: Any) -> None:
    """Filter one lap of one channel.

    `samples` (block * COLUMNS,) of any kind; `tables` of a BlockForm; `before` and `after`
    (states,), the state at the beginning and at the end of the lap; `scratch` = (terms, drives,
    sums), of which `sums` (outputs * rows * COLUMNS,) receives the outputs: sample i of block r of
    output k stands at ((k * rows + i) * COLUMNS + r).
    """
    table, drive, step = tables
    terms, drives, sums = scratch
    states = before.shape[0]
    rows = drive.shape[1]
    _take_in(samples, block, terms[states * COLUMNS :])
    for m in range(0, drive.shape[0], 4):
        _sum_rows(
            drive, m, rows, terms[states * COLUMNS :], drives[m * COLUMNS : (m + 4) * COLUMNS]
        )
    for m in range(states):
        after[m] = before[m]
    for r in range(COLUMNS):
        for m in range(states):
            terms[m * COLUMNS + r] = after[m]
        for m in range(states):
            # A chain of sections: a state hears of those before it and of the other in its section.
            value = drives[m * COLUMNS + r]
            for s in range((m | 1) + 1):
                value += step[m, s] * terms[s * COLUMNS + r]
            after[m] = value
    for row in range(0, table.shape[0], 4):
        place = row % rows
        _sum_rows(
            table,
            row,
            (states + place + 4 + 3) // 4 * 4,
            terms,
            sums[row * COLUMNS : (row + 4) * COLUMNS],
        )


@inlined
def hand_out(sums: Any, block: Any, first: Any, out: Any) -> None:
    """Write samples `first` … of a lap's output `sums` (block, COLUMNS) to `out` (n,), in order."""
    done = 0
    while done < out.shape[0]:
        column = (first + done) // block
        row = first + done - column * block
        count = min(block - row, out.shape[0] - done)
        own = out[done : done + count]
        source = sums[row * COLUMNS + column :]
        for j in range(count):
            own[j] = source[np.uint64(j) * np.uint64(COLUMNS)]
        done += count


@inlined
def flush(state: Any) -> None:
    """Set states below 1e-30 to zero: silence must not run on denormal numbers."""
    for m in range(state.shape[0]):
        if abs(state[m]) < 1e-30:
            state[m] = 0
