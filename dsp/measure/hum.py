"""Mains hum: 50 Hz and its harmonics up to 400 Hz, looked for in the pauses only.

Speech has harmonics of its own; in its pauses they are gone while hum stays. The means per
millisecond (a 1 kHz signal with a null at every multiple of 1 kHz) are cut into windows of 200 ms,
every 100 ms, Hann-weighted; ten cycles of 50 Hz fit exactly. Of every window the power at 50, 100 …
400 Hz is kept, and halfway between, at 25, 75 … 425 Hz, where hum has nothing. Averaged over the
windows inside pauses, noise gives both the same power (to either side: the geometric mean follows a
slope), hum lifts the lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.kernel import kernel, ready
from dsp.lanes import LANES, load, splat, spread, store
from dsp.measure.chunks import CHUNK_S, FULL_SCALE, LANE_MS
from dsp.measure.lanes import TOTAL, LaneStatistics

MAINS_HZ = 50
HARMONICS = 8
WINDOW_MS, HOP_MS = 200, 100
FEWEST_WINDOWS = 3
PROMINENCE_DB = 10.0
STEADY_SHARE = 0.8
# Hum further below the speech than this is not heard through any loudspeaker.
UNDER_SPEECH_DB = 50.0
FAINTEST_DBFS = -85.0

PROBES = 2 * HARMONICS + 1
COLUMNS = 48  # three registers
_ROW = types.Array(types.float32, 1, "C")
_TABLE = types.Array(types.float32, 2, "C")


@kernel(types.void(_ROW, _ROW, _ROW, _TABLE), fastmath=frozenset({"contract"}))
def probe_windows(means: Any, waves: Any, parts: Any, powers: Any) -> None:
    """Write the power of every window of `means` at every probe to `powers` (windows, 17).

    `means` (n,) starts with the 100 ms before the chunk. `waves` (200 * 48,) holds the weighted
    cosines and sines and columns of zeros that fill the last register. `parts` (192,) is scratch.
    Four windows at a time; `powers` has a multiple of four.
    """
    for window in range(0, powers.shape[0], 4):
        a0 = a1 = a2 = b0 = b1 = b2 = splat(0.0)
        c0 = c1 = c2 = d0 = d1 = d2 = splat(0.0)
        first = window * HOP_MS
        for t in range(WINDOW_MS):
            u, v = load(waves, t * COLUMNS), load(waves, t * COLUMNS + LANES)
            w, x = load(waves, t * COLUMNS + 2 * LANES), spread(means, first + t)
            a0, a1, a2 = a0 + u * x, a1 + v * x, a2 + w * x
            x = spread(means, first + HOP_MS + t)
            b0, b1, b2 = b0 + u * x, b1 + v * x, b2 + w * x
            x = spread(means, first + 2 * HOP_MS + t)
            c0, c1, c2 = c0 + u * x, c1 + v * x, c2 + w * x
            x = spread(means, first + 3 * HOP_MS + t)
            d0, d1, d2 = d0 + u * x, d1 + v * x, d2 + w * x
        store(a0, parts, 0)
        store(a1, parts, LANES)
        store(a2, parts, 2 * LANES)
        store(b0, parts, COLUMNS)
        store(b1, parts, COLUMNS + LANES)
        store(b2, parts, COLUMNS + 2 * LANES)
        store(c0, parts, 2 * COLUMNS)
        store(c1, parts, 2 * COLUMNS + LANES)
        store(c2, parts, 2 * COLUMNS + 2 * LANES)
        store(d0, parts, 3 * COLUMNS)
        store(d1, parts, 3 * COLUMNS + LANES)
        store(d2, parts, 3 * COLUMNS + 2 * LANES)
        for k in range(4):
            own = parts[k * COLUMNS : (k + 1) * COLUMNS]
            for p in range(PROBES):
                powers[window + k, p] = own[p] * own[p] + own[PROBES + p] * own[PROBES + p]


def probe_waves() -> npt.NDArray[np.float32]:
    """Weighted cosines and sines of the 17 probes for `probe_windows`, shape (200, 48)."""
    frequency = MAINS_HZ / 2 * np.arange(1, PROBES + 1)
    phase = 2.0 * np.pi * frequency * np.arange(WINDOW_MS)[:, None] / 1000.0
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_MS) / WINDOW_MS)
    # |sum|² of a sine becomes its mean square a²/2; the means over 1 ms droop by sinc(f · 1 ms).
    gain = math.sqrt(2.0) / hann.sum() / np.sinc(frequency / 1000.0)
    waves = np.zeros((WINDOW_MS, COLUMNS), dtype=np.float32)
    waves[:, : 2 * PROBES] = np.hstack([np.cos(phase) * gain, np.sin(phase) * gain]) * hann[:, None]
    return waves


@dataclass(frozen=True)
class Hum:
    """Hum of one channel: its level (rms re full scale 1.0) and the harmonics found, in Hz."""

    level_dbfs: float
    lines_hz: tuple[int, ...]


def judge(powers: npt.NDArray[np.float64], active_level_dbov: float) -> Hum | None:
    """Decide on `powers` (windows in pauses, 17): probes at 25, 50, 75 … 425 Hz."""
    if len(powers) < FEWEST_WINDOWS:
        return None
    mean = powers.mean(axis=0) + 1e-30
    line, between = mean[1::2], np.sqrt(mean[0:-1:2] * mean[2::2])
    prominent = line > between * 10.0 ** (PROMINENCE_DB / 10.0)
    steady = (powers[:, 1::2] > 2.0 * between).mean(axis=0) >= STEADY_SHARE
    found = prominent & steady
    # A harmonic alone may be a machine or a note: the first three carry hum.
    if not found[:3].any():
        return None
    level_dbfs = 10.0 * math.log10(float(line[found].sum()))
    if level_dbfs < max(active_level_dbov - UNDER_SPEECH_DB, FAINTEST_DBFS):
        return None
    return Hum(level_dbfs, tuple(int(MAINS_HZ * (h + 1)) for h in np.flatnonzero(found)))


class HumSeries:
    """Keeps the probe powers of every window of a stream, to be judged once pauses are known."""

    def __init__(self, lanes: LaneStatistics, channels: int) -> None:
        ready(probe_windows)
        self._scale = (1.0 / (np.diff(lanes.edges) * FULL_SCALE)).astype(np.float32)
        self._means = np.zeros((channels, HOP_MS + CHUNK_S * LANE_MS), dtype=np.float32)
        self._waves = probe_waves().reshape(-1)
        self._parts = np.zeros(4 * COLUMNS, dtype=np.float32)
        self._powers: list[npt.NDArray[np.float32]] = []

    def take(self, lanes: LaneStatistics) -> None:
        """Take the chunk just measured; its first window begins 100 ms before it."""
        self._means[:, :HOP_MS] = self._means[:, -HOP_MS:]
        scaled = lanes.series[TOTAL].reshape(len(self._means), CHUNK_S, LANE_MS) * self._scale
        self._means[:, HOP_MS:] = scaled.reshape(len(self._means), -1)
        windows = CHUNK_S * LANE_MS // HOP_MS
        powers = np.empty((len(self._means), windows, PROBES), dtype=np.float32)
        for means, out in zip(self._means, powers, strict=True):
            probe_windows(means, self._waves, self._parts, out)
        self._powers.append(powers)

    def judge(
        self, channel: int, pause_steps: npt.NDArray[np.bool_], active_level_dbov: float
    ) -> Hum | None:
        """Judge the windows of `channel` that lie wholly in pauses (mask per 10 ms)."""
        if not self._powers:
            return None
        powers = np.concatenate([p[channel] for p in self._powers])
        window, hop = WINDOW_MS // 10, HOP_MS // 10
        # Window k covers steps 10·(k - 1) to 10·(k + 1).
        padded = np.concatenate((np.zeros(hop, dtype=np.bool_), pause_steps))
        count = min((len(padded) - window) // hop + 1, len(powers))
        if count < 1:
            return None
        slid = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
        inside = slid[:count].all(axis=1)
        return judge(powers[:count][inside].astype(np.float64), active_level_dbov)

    def reset(self) -> None:
        """Forget the stream."""
        self._means[:] = 0.0
        self._powers.clear()
