"""Faults of whole channels: dead, identical, inverted, silent, off centre (DC).

Judged from sums over the programme: Σx, Σx² of each channel and Σxy of the first two. Identical
channels are only noted: speech is recorded so. Inverted ones cancel in every mono loudspeaker.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.kernel import kernel, ready
from dsp.lanes import LANES, lane_sum, load, splat
from dsp.measure.channels import LAYOUTS
from dsp.measure.chunks import FULL_SCALE, LANE_MS, Chunks
from dsp.measure.figures import Fault

# A channel this quiet carries nothing: below the noise of any 16-bit recording of speech.
SILENT_DBFS = -80.0
DEAD_UNDER_OTHERS_DB = 40.0
DC_LIMIT = 0.003
IDENTICAL_CORRELATION = 0.99999
INVERTED_CORRELATION = -0.8
_STEP = 256

_ROW = types.Array(types.float32, 1, "C")
_SUM = types.Array(types.float64, 1, "C")


@kernel(types.void(_ROW, _ROW, types.int64, types.int64, _SUM), fastmath=frozenset({"contract"}))
def add_products(left: Any, right: Any, first: Any, count: Any, total: Any) -> None:
    """Add Σ left·right over `count` samples from `first` to `total[0]`.

    float32 over 256 samples, in 64 lanes and a tree of six levels; float64 beyond.
    """
    whole = count - count % _STEP
    for at in range(first, first + whole, _STEP):
        a0 = a1 = a2 = a3 = splat(0.0)
        for i in range(at, at + _STEP, 4 * LANES):
            a0 = a0 + load(left, i) * load(right, i)
            a1 = a1 + load(left, i + LANES) * load(right, i + LANES)
            a2 = a2 + load(left, i + 2 * LANES) * load(right, i + 2 * LANES)
            a3 = a3 + load(left, i + 3 * LANES) * load(right, i + 3 * LANES)
        total[0] += lane_sum((a0 + a1) + (a2 + a3))
    for i in range(first + whole, first + count):
        total[0] += np.float64(left[i] * right[i])


def _sums(series: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sum each row, in float32 over whole seconds (pairwise) and float64 beyond."""
    return series.reshape(len(series), -1, LANE_MS).sum(axis=2).sum(axis=1, dtype=np.float64)


class ChannelSums:
    """Collects Σx, Σx² per channel and Σxy of the first two."""

    def __init__(self, channels: int) -> None:
        ready(add_products)
        self.total = np.zeros(channels)
        self.energy = np.zeros(channels)
        self._product = np.zeros(1)
        self.samples = 0

    def take(
        self, chunks: Chunks, totals: npt.NDArray[np.float32], energies: npt.NDArray[np.float32]
    ) -> None:
        """Take the chunk just measured: its Σx and Σx² per millisecond, shape (channels, ms)."""
        self.total += _sums(totals)
        self.energy += _sums(energies)
        self.samples += chunks.filled
        if chunks.channels > 1:
            add_products(
                chunks.planar[0],
                chunks.planar[1],
                chunks.history,
                chunks.filled,
                self._product,
            )

    def mean(self) -> npt.NDArray[np.float64]:
        """DC of each channel, full scale 1.0."""
        return self.total / (max(self.samples, 1) * FULL_SCALE)

    def level_dbfs(self) -> npt.NDArray[np.float64]:
        """Level of each channel without its DC; 0 is rms 1.0, -200 stands for nothing."""
        power = self.energy / (max(self.samples, 1) * FULL_SCALE**2) - self.mean() ** 2
        return 10.0 * np.log10(np.maximum(power, 1e-20))

    def correlation(self) -> float:
        """Of the first two channels, without their DC; 0 where one is silent."""
        count = max(self.samples, 1)
        spread = self.energy[:2] - self.total[:2] ** 2 / count
        shared = float(self._product[0]) - float(self.total[0] * self.total[1]) / count
        size = math.sqrt(max(float(spread[0] * spread[1]), 0.0))
        return shared / size if size > 0.0 else 0.0

    def faults(self) -> list[Fault]:
        """Tell what is wrong with the channels."""
        if not self.samples:
            return []
        found = self._dc()
        level = self.level_dbfs()
        if level.max() < SILENT_DBFS:
            return [*found, Fault("silence", None, "the whole programme is silent")]
        names = LAYOUTS[len(level)]
        dead = (level < SILENT_DBFS) & (level < level.max() - DEAD_UNDER_OTHERS_DB)
        for c in np.flatnonzero(dead):
            if names[c] != "lfe":
                found.append(Fault("dead_channel", int(c), f"the {names[c]} channel is silent"))
        if len(level) > 1 and not dead[:2].any():
            found += self._pair(float(level[0] - level[1]))
        return found

    def _dc(self) -> list[Fault]:
        return [
            Fault(
                "dc_offset",
                c,
                f"the samples of channel {c + 1} stand {mean:+.4f} of full scale off centre",
                values={"offset": float(mean)},
            )
            for c, mean in enumerate(self.mean())
            if abs(mean) > DC_LIMIT
        ]

    def _pair(self, difference_db: float) -> list[Fault]:
        correlation = self.correlation()
        values = {"correlation": correlation}
        if correlation < INVERTED_CORRELATION:
            detail = "left and right are inverted: they cancel in a mono loudspeaker"
            return [Fault("inverted_channels", 1, detail, values=values)]
        if correlation > IDENTICAL_CORRELATION and abs(difference_db) < 0.05:
            detail = "left and right are the same sound"
            return [Fault("identical_channels", None, detail, note=True, values=values)]
        return []

    def reset(self) -> None:
        """Forget the stream."""
        self.total[:] = self.energy[:] = 0.0
        self._product[:] = 0.0
        self.samples = 0
