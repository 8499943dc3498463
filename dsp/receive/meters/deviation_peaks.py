"""Per 25 ms of filtered composite: peaks to either side, sums, and a histogram of every sample.

Peaks are taken between the samples too. Content up to 60 kHz at 288 kHz cannot rise by more than
1 / cos(pi · 60 / 288) = 1.26 over its samples, and a crest has a sample that stands above both its
neighbours; so only such samples in the upper fifth are looked at, on the side of the higher
neighbour: two points of a windowed sinc, a quarter and half a sample away, and a parabola.

The carrier offset is still in the samples; it is taken off later, from peaks and histogram alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import inlined, kernel, ready
from dsp.measure.true_peak import HALF_TAPS, interpolator
from dsp.receive.composite.grid import BACK, HOP, HOPS

# Bins of 100 Hz from -200 to +200 kHz; what is beyond counts in the outermost ones.
BINS_PER_UNIT = 1_000
HALF_BINS = 2_000
_LANES, _RUN = 16, 160
RUNS = HOP // _RUN
_LOOKED_AT = np.float32(0.79)

_ROWS = types.Array(types.float32, 2, "C", readonly=True)
_TAPS = types.Array(types.float32, 2, "C", readonly=True)
_FIGURES = types.Array(types.float64, 2, "C")
_RUNS = types.Array(types.float64, 2, "C")
_SCRATCH = types.Array(types.float32, 2, "C")
_COUNTS = types.Array(types.int32, 2, "C")

HIGHEST, LOWEST, TOTAL, SQUARES = range(4)


@inlined
def _crest(row: Any, n: Any, sign: Any, taps: Any) -> Any:
    """Height of the crest of sign · row around its sample `n`."""
    step = 1 if sign * row[n + 1] > sign * row[n - 1] else -1
    quarter = np.float32(0.0)
    half = np.float32(0.0)
    for k in range(2 * HALF_TAPS):
        value = row[n + step * (k - HALF_TAPS + 1)]
        quarter += taps[0, k] * value
        half += taps[1, k] * value
    a, b, c = sign * row[n], sign * quarter, sign * half
    best = max(a, b, c)
    bend = a - np.float32(2.0) * b + c
    if bend < np.float32(0.0):
        slope = np.float32(0.5) * (c - a)
        at = -slope / bend
        if abs(at) <= np.float32(1.0):
            best = max(best, b - np.float32(0.5) * slope * slope / bend)
    return best


@inlined
def _add_block(block: Any, high: Any, low: Any, sums: Any, squares: Any) -> None:
    """Take 16 samples into lanes of extremes and sums."""
    for i in range(_LANES):
        v = block[i]
        high[i] = max(high[i], v)
        low[i] = min(low[i], v)
        sums[i] += v
        squares[i] += v * v


@inlined
def _count(row: Any, places: Any, counts: Any) -> None:
    """Enter the samples of a hop in the two halves of the histogram; `places` (_RUN,) is scratch.

    The bins are reckoned a run at a time: that is vector code, the counting cannot be.
    """
    limit = np.int32(counts.shape[1] - 1)
    highest = np.float32(limit)
    for start in range(BACK, BACK + HOP, _RUN):
        part = row[start : start + _RUN]
        for i in range(_RUN):
            place = (part[i] + np.float32(2.0)) * np.float32(BINS_PER_UNIT)
            # Written out: NaN, which compares as false, counts in the lowest bin.
            place = place if place > np.float32(0.0) else np.float32(0.0)  # noqa: FURB136 - NaN
            place = place if place < highest else highest  # noqa: FURB136 - as above
            places[i] = np.int32(place)
        for i in range(0, _RUN, 2):
            counts[0, np.uint32(places[i])] += 1
            counts[1, np.uint32(places[i + 1])] += 1


@inlined
def _crests(row: Any, sign: Any, middle: Any, extremes: Any, taps: Any) -> Any:
    """Highest value of sign · row between its samples; `extremes` holds it per run of _RUN."""
    best = extremes[0]
    for j in range(1, extremes.shape[0]):
        best = max(best, extremes[j])
    level = middle + _LOOKED_AT * (best - middle)
    for j in range(extremes.shape[0]):
        if extremes[j] <= level:
            continue
        for n in range(BACK + j * _RUN, BACK + (j + 1) * _RUN):
            v = sign * row[n]
            if v > level and v >= sign * row[n - 1] and v > sign * row[n + 1]:
                best = max(best, _crest(row, n, sign, taps))
    return best


@kernel(
    types.void(_ROWS, _TAPS, _SCRATCH, _FIGURES, _RUNS, _COUNTS),
    fastmath=frozenset({"contract"}),
)
def measure_hops(rows: Any, taps: Any, scratch: Any, figures: Any, runs: Any, counts: Any) -> None:
    """Measure the hops of `rows` (hops, SEGMENT).

    `figures` (hops, 4) takes highest, lowest (both between samples), sum and sum of squares.
    `counts` (2, 4000) is a histogram in two halves to be added: neighbouring samples, often in
    the same bin, then do not wait for each other. `runs` (hops, RUNS) takes the
    sum of every 160 samples, `scratch` is (6, RUNS).
    """
    high, low = scratch[0, :_LANES], scratch[1, :_LANES]
    sums, squares = scratch[2, :_LANES], scratch[3, :_LANES]
    highs, lows = scratch[4], scratch[5]
    places = np.empty(_RUN, np.int32)
    for h in range(rows.shape[0]):
        row = rows[h]
        total, power = 0.0, 0.0
        for j in range(highs.shape[0]):
            start = BACK + j * _RUN
            for i in range(_LANES):
                high[i] = low[i] = row[start]
                sums[i] = squares[i] = np.float32(0.0)
            # Float32 sums of ten terms in each lane, float64 from there on.
            for n in range(start, start + _RUN, _LANES):
                _add_block(row[n : n + _LANES], high, low, sums, squares)
            top, bottom = high[0], low[0]
            run = 0.0
            for i in range(_LANES):
                top, bottom = max(top, high[i]), min(bottom, low[i])
                run += sums[i]
                power += squares[i]
            highs[j], lows[j] = top, -bottom
            runs[h, j] = run
            total += run
        _count(row, places, counts)
        middle = np.float32(total / HOP)
        figures[h, 0] = _crests(row, np.float32(1.0), middle, highs, taps)
        figures[h, 1] = -_crests(row, np.float32(-1.0), -middle, lows, taps)
        figures[h, 2] = total
        figures[h, 3] = power


def crest_taps() -> npt.NDArray[np.float32]:
    """Return the interpolator's taps at a quarter and half a sample, for `measure_hops`.

    A crest to the left reads the same taps mirrored, because the walk itself is mirrored.
    """
    return np.array([interpolator(0.25), interpolator(0.5)], dtype=np.float32)


class DeviationPeaks:
    """Measures the hops of a second.

    Attributes
    ----------
    figures
        float64 (HOPS, 4): highest, lowest, sum, sum of squares of each hop, 1.0 = 100 kHz.
    runs
        float64 (HOPS, RUNS): sum of every 160 samples.
    counts
        int32 (2, 4000): histogram in two halves.
    """

    def __init__(self) -> None:
        ready(measure_hops)
        self._taps = crest_taps()
        self._scratch = np.zeros((6, RUNS), np.float32)
        self.runs = np.zeros((HOPS, RUNS))
        self.figures = np.zeros((HOPS, 4))
        self.counts = np.zeros((2, 2 * HALF_BINS), np.int32)

    def take(self, composite: np.ndarray[Any, Any]) -> None:
        """Measure the filtered `composite` (HOPS, SEGMENT); what was before is forgotten."""
        self.counts[:] = 0
        measure_hops(composite, self._taps, self._scratch, self.figures, self.runs, self.counts)
