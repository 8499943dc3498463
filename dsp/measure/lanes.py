"""One pass over a chunk: K-weighted energy and the plain statistics of every millisecond.

A recursive filter run sample by sample waits for its own result. Here the 16 seconds of a chunk run
side by side as 16 lanes of one second, one vector register wide; each lane first runs over the
90 ms before it, after which the memory of the 38 Hz high-pass (a double pole, 4.2 ms) has decayed
by 20·e^-21, that is -157 dB. The samples of a millisecond are first turned into lane order;
everything is then gathered from there: Σz² (K-weighted), Σx, Σ|x|, Σx², largest and smallest
sample.

Sums run in float32 over at most 192 terms: an error below 1e-5, or 5e-5 dB, and far less in the
mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp import kernel_types as types
from dsp.kernel import inlined, kernel, ready
from dsp.measure.chunks import HISTORY_MS, LANE_MS, LANES, Chunks
from dsp.measure.k_weighting import k_weighting

_UNROLL = 4
# Rows of the working store, each LANES wide: the states of the filter and the running sums.
_STATES = 5
_SUMS = 5
# Keeps every state a normal number in digital silence: -270 dBFS.
_BIAS = np.float32(1e-9)
_FLOOR = np.float32(1e-25)
_CONTRACT = frozenset({"contract"})

KW_ENERGY, TOTAL, MAGNITUDE, ENERGY, HIGHEST, LOWEST = range(6)
STATISTICS = 6

_ROW = types.Array(types.float32, 1, "C")
_EDGES = types.Array(types.int64, 1, "C")
_TABLE = types.Array(types.float32, 3, "C")


@inlined
def _turn(samples: Any, stride: Any, count: Any, turned: Any) -> None:
    """Write `count` samples of all lanes to `turned` in lane order.

    Unsigned indices: numba would otherwise ask for each whether it counts from the end.
    """
    step = np.uint64(stride)
    for t in range(count):
        for lane in range(LANES):
            turned[t * LANES + lane] = samples[np.uint64(lane) * step + np.uint64(t)]


@inlined
def _k_weigh(block: Any, steps: Any, coefficients: Any, store: Any) -> None:
    """Run both sections `steps` samples further; the states stay in registers meanwhile."""
    b0, b1, b2 = coefficients[0], coefficients[1], coefficients[2]
    a1, a2 = coefficients[3], coefficients[4]
    d, e = coefficients[5], coefficients[6]
    for lane in range(LANES):
        s1, s2 = store[lane], store[LANES + lane]
        a, b = store[2 * LANES + lane], store[3 * LANES + lane]
        total = store[4 * LANES + lane]
        for k in range(steps):
            v = block[k * LANES + lane] + _BIAS
            y = b0 * v + s1
            s1 = (b1 * v + s2) - a1 * y
            s2 = b2 * v - a2 * y
            z = y + a
            a = (a + b) - d * z
            b = b - e * z
            total += z * z
        store[lane], store[LANES + lane] = s1, s2
        store[2 * LANES + lane], store[3 * LANES + lane] = a, b
        store[4 * LANES + lane] = total


@inlined
def _begin(turned: Any, store: Any) -> None:
    """Set the sums of a millisecond to their neutral values."""
    for lane in range(LANES):
        store[5 * LANES + lane] = np.float32(0.0)
        store[6 * LANES + lane] = np.float32(0.0)
        store[7 * LANES + lane] = np.float32(0.0)
        store[8 * LANES + lane] = turned[lane]
        store[9 * LANES + lane] = turned[lane]


@inlined
def _gather_four(block: Any, store: Any) -> None:
    """Add four samples of every lane to Σx, Σ|x|, Σx², largest and smallest."""
    for lane in range(LANES):
        p, q = block[lane], block[LANES + lane]
        r, s = block[2 * LANES + lane], block[3 * LANES + lane]
        store[5 * LANES + lane] += (p + q) + (r + s)
        store[6 * LANES + lane] += (abs(p) + abs(q)) + (abs(r) + abs(s))
        store[7 * LANES + lane] += (p * p + q * q) + (r * r + s * s)
        # Comparisons instead of max(): NaN has been taken out, and these become one instruction.
        high, other = max(q, p), max(s, r)
        high = max(other, high)
        top = store[8 * LANES + lane]
        store[8 * LANES + lane] = max(top, high)
        low, other = min(q, p), min(s, r)
        low = min(other, low)
        bottom = store[9 * LANES + lane]
        store[9 * LANES + lane] = min(bottom, low)


@inlined
def _gather_one(block: Any, store: Any) -> None:
    """Add one sample of every lane."""
    for lane in range(LANES):
        v = block[lane]
        store[5 * LANES + lane] += v
        store[6 * LANES + lane] += abs(v)
        store[7 * LANES + lane] += v * v
        top, bottom = store[8 * LANES + lane], store[9 * LANES + lane]
        store[8 * LANES + lane] = max(top, v)
        store[9 * LANES + lane] = min(bottom, v)


@inlined
def _gather(turned: Any, whole: Any, count: Any, store: Any) -> None:
    """Gather everything but the energy of a millisecond of all lanes."""
    _begin(turned, store)
    for first in range(0, whole, _UNROLL):
        _gather_four(turned[first * LANES :], store)
    for first in range(whole, count):
        _gather_one(turned[first * LANES :], store)


@kernel(types.void(_ROW, types.int64, _EDGES, _ROW, _ROW, _ROW, _TABLE), fastmath=_CONTRACT)
def measure_lanes(
    samples: Any,
    history: Any,
    edges: Any,
    coefficients: Any,
    turned: Any,
    store: Any,
    table: Any,
) -> None:
    """Fill `table` (6, 1000, 16) from one channel `samples` (history + 16 s).

    A table of one row, (1, 1000, 16), gets the K-weighted energy alone, in less time.

    `edges` (1001,) are the first samples of the milliseconds of a second. `turned` and `store` are
    scratch: (samples of a millisecond, rounded up) · 16, and 10 · 16.
    """
    stride = edges[LANE_MS]
    store[:] = np.float32(0.0)
    for ms in range(-HISTORY_MS, LANE_MS):
        row = ms + LANE_MS if ms < 0 else ms
        start = history + edges[row] - (stride if ms < 0 else 0)
        count = edges[row + 1] - edges[row]
        whole = count // _UNROLL * _UNROLL
        _turn(samples[start:], stride, count, turned)
        for lane in range(LANES):
            store[4 * LANES + lane] = _FLOOR
        for first in range(0, whole, _UNROLL):
            _k_weigh(turned[first * LANES :], _UNROLL, coefficients, store)
        for first in range(whole, count):
            _k_weigh(turned[first * LANES :], 1, coefficients, store)
        if ms < 0:
            continue
        if table.shape[0] > 1:
            _gather(turned, whole, count, store)
        for statistic in range(table.shape[0]):
            line, sums = table[statistic, ms], store[(_STATES - 1 + statistic) * LANES :]
            for lane in range(LANES):
                line[lane] = sums[lane]


class LaneStatistics:
    """Statistics per millisecond of a stream, chunk by chunk.

    Attributes
    ----------
    series
        float32, shape (6, channels, 16 000): Σz² K-weighted, Σx, Σ|x|, Σx², largest and smallest
        sample of every millisecond of the last chunk, in int16 steps. Only the first of them where
        `statistics` is 1.
    edges
        int64, shape (1001,): first sample of each millisecond within a second.
    """

    def __init__(self, sample_rate_hz: int, channels: int, *, statistics: int = STATISTICS) -> None:
        ready(measure_lanes)
        self.sample_rate_hz = sample_rate_hz
        # Half a sample at most from the exact edge, and exact again at every second.
        self.edges = (np.arange(LANE_MS + 1) * sample_rate_hz + LANE_MS // 2) // LANE_MS
        self._coefficients = k_weighting(sample_rate_hz).packed()
        widest = int(np.diff(self.edges).max())
        self._turned = np.zeros(widest * LANES, dtype=np.float32)
        self._store = np.zeros((_STATES + _SUMS) * LANES, dtype=np.float32)
        self._table = np.zeros((statistics, LANE_MS, LANES), dtype=np.float32)
        self.series = np.zeros((statistics, channels, LANE_MS * LANES), dtype=np.float32)

    def measure(self, chunks: Chunks) -> None:
        """Measure the chunk that `chunks` holds; overwrites `series`."""
        for channel in range(chunks.channels):
            measure_lanes(
                chunks.planar[channel],
                chunks.history,
                self.edges,
                self._coefficients,
                self._turned,
                self._store,
                self._table,
            )
            target = self.series[:, channel].reshape(-1, LANES, LANE_MS)
            np.copyto(target, self._table.transpose(0, 2, 1))

    def reset(self) -> None:
        """Forget the last chunk."""
        self.series[:] = 0.0
