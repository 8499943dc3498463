"""Flat tops: runs of equal samples at the highest (or lowest) value that a channel ever reaches.

A clipped wave stands still at its ceiling, at full scale or, turned down afterwards, below it, and
enters and leaves the flat with a step. A slow sine rounded to 16 bits also repeats its top value,
but its neighbours are one step away; the flat must therefore be left or entered by more than 0.1 %
of the ceiling. Only milliseconds that reach the ceiling found so far are looked at, sample by
sample; when it rises, the count begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp import kernel_types as types
from dsp.kernel import kernel, ready
from dsp.measure.chunks import CHUNK_S, FULL_SCALE, Chunks
from dsp.measure.lanes import HIGHEST, LOWEST, LaneStatistics

SHORTEST_RUN = 3
# One run at full scale is clipping; below it the same ceiling must have been hit three times.
FEWEST_RUNS_BELOW = 3
# Nothing quieter than -40 dBFS is looked at.
_LOWEST_CEILING = 0.01 * FULL_SCALE
_STEP_SHARE = 1e-3

_CEILING, _RUN, _RISE, _RUNS, _LONGEST, _FLAT, _LAST = range(7)
_ROW = types.Array(types.float32, 1, "C")
_EDGES = types.Array(types.int64, 1, "C")
_STATE = types.Array(types.float64, 1, "C")


@kernel(types.void(_ROW, _EDGES, _ROW, types.float32, _STATE))
def count_flat_tops(samples: Any, edges: Any, extremes: Any, sign: Any, state: Any) -> None:
    """Follow the flats of sign · `samples` through the milliseconds that `edges` (n + 1,) bound.

    `extremes` (n,) is the extreme sample of each, with its own sign. `state` (7,): ceiling, length
    of the run under way, its first step, runs counted, the longest, samples in them, last sample.
    """
    for ms in range(extremes.shape[0]):
        begin, end = edges[ms], edges[ms + 1]
        busy = state[_RUN] > 0.0
        if sign * extremes[ms] < state[_CEILING] and not busy:
            continue
        for i in range(begin, end):
            value = float(sign * samples[i])
            before = float(sign * samples[i - 1])
            if value > state[_CEILING]:
                state[_CEILING] = value
                state[_RUN] = 1.0
                state[_RISE] = value - before
                state[_RUNS] = state[_LONGEST] = state[_FLAT] = 0.0
            elif value == state[_CEILING]:
                if state[_RUN] == 0.0:
                    state[_RISE] = value - before
                state[_RUN] += 1.0
            elif state[_RUN] > 0.0:
                step = max(state[_RISE], before - value)
                if state[_RUN] >= SHORTEST_RUN and step > _STEP_SHARE * state[_CEILING] + 1.5:
                    state[_RUNS] += 1.0
                    state[_FLAT] += state[_RUN]
                    state[_LONGEST] = max(state[_LONGEST], state[_RUN])
                state[_RUN] = 0.0


@dataclass(frozen=True)
class FlatTops:
    """Flats of one channel: the ceiling in dBFS, how many, samples in them, the longest."""

    ceiling_dbfs: float
    runs: int
    samples: int
    longest: int


class Clipping:
    """Counts the flat tops of each channel in measured chunks."""

    def __init__(self, chunks: Chunks, lanes: LaneStatistics) -> None:
        ready(count_flat_tops)
        seconds = np.arange(CHUNK_S)[:, None] * chunks.sample_rate_hz
        starts = (lanes.edges[:-1][None, :] + seconds).reshape(-1)
        self._edges = chunks.history + np.append(starts, chunks.chunk)
        self._state = np.zeros((2, chunks.channels, 7))
        self.reset()

    def take(self, chunks: Chunks, lanes: LaneStatistics) -> None:
        """Take the chunk just measured."""
        for c in range(chunks.channels):
            samples = chunks.planar[c]
            for state, row, sign in zip(self._state, (HIGHEST, LOWEST), (1.0, -1.0), strict=True):
                count_flat_tops(
                    samples, self._edges, lanes.series[row, c], np.float32(sign), state[c]
                )

    def found(self, channel: int) -> FlatTops | None:
        """Return the flats of a channel that amount to clipping, else None."""
        tops = self._state[:, channel]
        runs = tops[:, _RUNS]
        full = tops[:, _CEILING] >= FULL_SCALE - 1.5
        counted = np.where(full, runs >= 1, runs >= FEWEST_RUNS_BELOW)
        if not counted.any():
            return None
        chosen = tops[counted]
        return FlatTops(
            ceiling_dbfs=20.0 * float(np.log10(chosen[:, _CEILING].max() / FULL_SCALE)),
            runs=int(chosen[:, _RUNS].sum()),
            samples=int(chosen[:, _FLAT].sum()),
            longest=int(chosen[:, _LONGEST].max()),
        )

    def reset(self) -> None:
        """Forget the stream."""
        self._state[:] = 0.0
        self._state[:, :, _CEILING] = _LOWEST_CEILING
