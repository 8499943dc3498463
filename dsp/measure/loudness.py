"""Loudness of Rec. ITU-R BS.1770-5 and EBU Tech 3341/3342, from K-weighted energy per 10 ms.

`KWeightedEnergy` streams: frames in, the channel-weighted mean square of every complete 10 ms out.
Everything else is arithmetic on that series and needs no sound any more:

- momentary: 400 ms, short-term: 3 s, both slid in steps of 10 ms (a maximum needs hops of at most
  18 ms to stay within 0.1 LU for any alignment);
- integrated: 400 ms blocks overlapping by 75 %, absolute gate -70 LUFS, relative gate -10 LU;
- loudness range: 3 s blocks every 100 ms, gates -70 LUFS and -20 LU, 10th to 95th percentile.

An energy is a mean square of full scale 1.0, so L = -0.691 + 10·log10(energy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import kernel, ready
from dsp.measure.channels import MonoAs, channel_weights
from dsp.measure.chunks import FULL_SCALE, Chunks
from dsp.measure.lanes import KW_ENERGY, LaneStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator

Series = npt.NDArray[np.float64]

STEPS_PER_S = 100
MOMENTARY_STEPS = 40
SHORT_TERM_STEPS = 300
GATING_HOP_STEPS = 10
ABSOLUTE_GATE_LUFS = -70.0
INTEGRATED_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = (10.0, 95.0)
_OFFSET_DB = -0.691


def lufs(energy: float) -> float:
    """Loudness of a mean square; minus infinity for 0."""
    return _OFFSET_DB + 10.0 * float(np.log10(energy)) if energy > 0.0 else -np.inf


def energy_of(loudness_lufs: float) -> float:
    """Mean square that has this loudness."""
    return float(10.0 ** ((loudness_lufs - _OFFSET_DB) / 10.0))


def sliding_means(energy_10ms: Series, steps: int, hop: int = 1) -> Series:
    """Means over `steps` values, starting at every `hop`-th; empty if there are too few."""
    if len(energy_10ms) < steps:
        return np.empty(0)
    # Sums of up to 1e6 non-negative float64 terms: cancellation stays below 1e-9 of the largest.
    sums = np.concatenate(([0.0], np.cumsum(energy_10ms, dtype=np.float64)))
    means = (sums[steps:] - sums[:-steps])[::hop] / steps
    return np.maximum(means, 0.0)


def to_lufs(energy: Series) -> Series:
    """Loudness of each mean square, no lower than -200 LUFS so that plots and JSON stay finite."""
    return _OFFSET_DB + 10.0 * np.log10(np.maximum(energy, 1e-20))


def _gated(blocks: Series, gate_lu: float) -> Series:
    """Blocks above the absolute gate and above `gate_lu` relative to the mean of those."""
    loud = blocks[blocks > energy_of(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return loud
    return loud[loud > loud.mean() * 10.0 ** (gate_lu / 10.0)]


def integrated_lufs(energy_10ms: Series) -> float | None:
    """Integrated loudness in LUFS; None if no 400 ms block passes the gates."""
    blocks = _gated(
        sliding_means(energy_10ms, MOMENTARY_STEPS, GATING_HOP_STEPS), INTEGRATED_GATE_LU
    )
    return lufs(float(blocks.mean())) if len(blocks) else None


def loudness_range_lu(energy_10ms: Series) -> float | None:
    """Loudness range in LU (Tech 3342); None if no 3 s block passes the gates.

    Defined for programmes of 60 s and more; for shorter ones it is still the spread of what there
    is.
    """
    blocks = _gated(sliding_means(energy_10ms, SHORT_TERM_STEPS, GATING_HOP_STEPS), RANGE_GATE_LU)
    if not len(blocks):
        return None
    # Tech 3342 takes the sorted value nearest to the percentile, without interpolation.
    low, high = (round((len(blocks) - 1) * percent / 100.0) for percent in RANGE_PERCENTILES)
    placed = np.partition(blocks, (low, high))
    return lufs(float(placed[high])) - lufs(float(placed[low]))


def max_momentary_lufs(energy_10ms: Series) -> float | None:
    """Largest momentary loudness; None for silence and for less than 400 ms."""
    return _largest(sliding_means(energy_10ms, MOMENTARY_STEPS))


def max_short_term_lufs(energy_10ms: Series) -> float | None:
    """Largest short-term loudness; None for silence and for less than 3 s."""
    return _largest(sliding_means(energy_10ms, SHORT_TERM_STEPS))


def _largest(means: Series) -> float | None:
    top = float(means.max()) if len(means) else 0.0
    return lufs(top) if top > 1e-20 else None


@kernel("void(float32[::1], float32[::1])")
def sum_tens(per_ms: Any, steps: Any) -> None:
    """Write the sums of ten neighbours of `per_ms` (10 n,) each to `steps` (n,)."""
    for k in range(steps.shape[0]):
        own = per_ms[10 * k : 10 * k + 10]
        low = (own[0] + own[1]) + (own[2] + own[3])
        high = (own[4] + own[5]) + (own[6] + own[7])
        steps[k] = (low + high) + (own[8] + own[9])


class StepSums:
    """Sums a series of milliseconds into complete steps of 10 ms, chunk after chunk."""

    def __init__(self) -> None:
        ready(sum_tens)
        self._parts: list[npt.NDArray[np.float32]] = []

    def take(self, per_ms: npt.NDArray[np.float32], complete_steps: int) -> None:
        """Append the sums of the first `complete_steps` steps of `per_ms`, shape (…, 16 000)."""
        sums = np.empty((*per_ms.shape[:-1], per_ms.shape[-1] // 10), np.float32)
        sum_tens(np.ascontiguousarray(per_ms).reshape(-1), sums.reshape(-1))
        self._parts.append(sums[..., :complete_steps])

    def joined(self) -> npt.NDArray[np.float32]:
        """Everything so far, shape (…, steps); empty without any chunk."""
        return np.concatenate(self._parts, axis=-1) if self._parts else np.empty(0, np.float32)

    def reset(self) -> None:
        """Forget everything."""
        self._parts.clear()


def complete_steps(valid_samples: int, edges_ms: npt.NDArray[np.int64]) -> int:
    """How many whole steps of 10 ms lie in the first `valid_samples` of a chunk."""
    rate = int(edges_ms[-1])
    seconds, rest = divmod(valid_samples, rate)
    return seconds * STEPS_PER_S + int(np.searchsorted(edges_ms[10::10], rest, side="right"))


class WeightedEnergy:
    """Collects the channel-weighted mean square per 10 ms from measured chunks."""

    def __init__(self, sample_rate_hz: int, weights: npt.NDArray[np.float64]) -> None:
        self._weights = weights.astype(np.float32)
        self._scale = STEPS_PER_S / (sample_rate_hz * FULL_SCALE**2)
        self._sums = StepSums()

    def take(self, lanes: LaneStatistics, steps: int) -> None:
        """Take the first `steps` steps of the chunk just measured."""
        self._sums.take(self._weights @ lanes.series[KW_ENERGY], steps)

    def energies(self) -> Series:
        """Mean square of every complete 10 ms, shape (steps,)."""
        return self._sums.joined().astype(np.float64) * self._scale

    def reset(self) -> None:
        """Forget everything."""
        self._sums.reset()


class KWeightedEnergy:
    """Streaming K-weighting: frames in, mean square per 10 ms out.

    Parameters
    ----------
    sample_rate_hz
        8 000 to 192 000.
    channels
        1 to 6, in the order of `dsp.measure.channels.LAYOUTS`.
    mono_as
        How a single channel counts.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int, *, mono_as: MonoAs = "dual-mono"
    ) -> None:
        weights = channel_weights(channels, mono_as)
        self._chunks = Chunks(sample_rate_hz, channels)
        self._lanes = LaneStatistics(sample_rate_hz, channels, statistics=1)
        self._energy = WeightedEnergy(sample_rate_hz, weights)

    def process(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> None:
        """Take frames (n, channels), int16 or float32; raises BlockContractError for others."""
        self._measure(self._chunks.push(frames))

    def energies(self) -> Series:
        """End the stream and return its mean squares per complete 10 ms, full scale 1.0, (steps,).

        Call it once, at the end; `reset` starts anew.
        """
        self._measure(self._chunks.flush())
        return self._energy.energies()

    def reset(self) -> None:
        """Forget the stream."""
        self._chunks.reset()
        self._energy.reset()

    def _measure(self, pieces: Iterator[int]) -> None:
        for valid in pieces:
            self._lanes.measure(self._chunks)
            self._energy.take(self._lanes, complete_steps(valid, self._lanes.edges))
