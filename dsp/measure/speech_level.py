"""Active speech level of Rec. ITU-T P.56, method B.

The envelope is |x| through two equal one-pole low-passes (time constant 30 ms). For each of 15
thresholds 2^-15 … 2^-1 of full scale, speech counts as active from the moment the envelope reaches
the threshold until 200 ms (hangover) after it was there last. The level over the active time, and
the threshold, are compared: the active level is where they stand 15.9 dB (margin) apart.

The envelope moves 30 times slower than a millisecond; it is therefore followed on the means of |x|
per millisecond, with the exact decay per millisecond. The energy is that of all
samples. Thresholds are nested, so that it is enough to know how many are active: one histogram
serves all 15.

0 dBov is the level of a full-scale square wave (rms 1.0): a sine of amplitude 0.1 stands at -23.01.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp import kernel_types as types
from dsp.kernel import kernel, ready
from dsp.measure.chunks import CHUNK_S, FULL_SCALE, LANE_MS, Chunks
from dsp.measure.lanes import ENERGY, MAGNITUDE, LaneStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

TAU_S = 0.030
HANGOVER_MS = 200
MARGIN_DB = 15.9
THRESHOLDS = 15
# Where `last` keeps the milliseconds so far and the thresholds active.
_NOW, _ACTIVE = THRESHOLDS + 1, THRESHOLDS + 2
_LONG_AGO = -(10**9)
_ROW = types.Array(types.float32, 1, "C")
_STATE = types.Array(types.float64, 1, "C")
_COUNTS = types.Array(types.int64, 1, "C")


@kernel(types.void(_ROW, _ROW, types.int64, _STATE, _COUNTS, _COUNTS))
def follow_envelope(
    magnitude: Any, scale: Any, count: Any, state: Any, last: Any, histogram: Any
) -> None:
    """Count the milliseconds in which each threshold was the highest that was active.

    `magnitude` (n,) holds Σ|x| per millisecond, of which `count` are taken; `scale` (n,) turns it
    into a mean of full scale 1.0. `state` (2,) holds both low-passes. `last` (17,): the last
    millisecond in which the envelope stood exactly at 1 to 15 thresholds (in `last[1]` to
    `last[15]`), milliseconds so far, and thresholds active. `histogram` (16,): bin j counts the
    milliseconds in which the lowest j thresholds were active.
    """
    keep = math.exp(-1.0 / (1000.0 * TAU_S))
    gain = 1.0 - keep
    fast, slow = state[0], state[1]
    now, active = last[_NOW], last[_ACTIVE]
    reached, upper, lower = 0, 2.0**-THRESHOLDS, 0.0
    for i in range(count):
        fast = keep * fast + gain * (magnitude[i] * scale[i])
        slow = keep * slow + gain * fast
        while slow >= upper and reached < THRESHOLDS:
            reached += 1
            lower, upper = upper, upper * 2.0
        while slow < lower:
            reached -= 1
            upper, lower = lower, lower * 0.5 if reached else 0.0
        last[reached] = now
        active = max(active, reached)
        # On its way down the envelope stands at every number of thresholds in turn: it takes 20 ms
        # to halve. So `last` of a lower number is never older than that of a higher one.
        while active > reached and now - last[active] > HANGOVER_MS:
            active -= 1
        histogram[active] += 1
        now += 1
    state[0], state[1] = fast, slow
    last[_NOW], last[_ACTIVE] = now, active


@dataclass(frozen=True)
class SpeechLevel:
    """Active level in dBov and active time in percent; None where there is no speech."""

    active_level_dbov: float | None
    activity_percent: float | None


NO_SPEECH = SpeechLevel(None, None)


def solve(mean_square: float, active_share: npt.NDArray[np.float64]) -> SpeechLevel:
    """Find where the active level stands 15.9 dB above its threshold (P.56 §B.4).

    `active_share` (15,) is the share of time that each threshold, lowest first, was active.
    Between two thresholds the level is a straight line in dB.
    """
    if mean_square <= 0.0:
        return NO_SPEECH
    long_term_db = 10.0 * math.log10(mean_square)
    previous: tuple[float, float] | None = None
    for j in range(THRESHOLDS):
        if active_share[j] <= 0.0:
            break
        level_db = long_term_db - 10.0 * math.log10(active_share[j])
        difference = level_db - 20.0 * math.log10(2.0 ** (j - THRESHOLDS))
        if difference <= MARGIN_DB:
            if previous is not None:
                step = (previous[1] - MARGIN_DB) / (previous[1] - difference)
                level_db = previous[0] + step * (level_db - previous[0])
            return SpeechLevel(level_db, 100.0 * 10.0 ** ((long_term_db - level_db) / 10.0))
        previous = (level_db, difference)
    return NO_SPEECH


class SpeechLevels:
    """P.56 of each channel from measured chunks."""

    def __init__(self, lanes: LaneStatistics, channels: int) -> None:
        ready(follow_envelope)
        per_ms = (1.0 / (np.diff(lanes.edges) * FULL_SCALE)).astype(np.float32)
        self._scale = np.tile(per_ms, CHUNK_S)
        self._edges = lanes.edges
        self._rate = lanes.sample_rate_hz
        self._state = np.zeros((channels, 2))
        self._last = np.full((channels, THRESHOLDS + 3), _LONG_AGO)
        self._histogram = np.zeros((channels, THRESHOLDS + 1), dtype=np.int64)
        self.energy = np.zeros(channels)
        self.samples = 0
        self.reset()

    def take(self, lanes: LaneStatistics, valid: int) -> None:
        """Take the first `valid` samples of the chunk just measured."""
        seconds, rest = divmod(valid, self._rate)
        count = seconds * LANE_MS + int(np.searchsorted(self._edges, rest, side="left"))
        for c in range(len(self.energy)):
            follow_envelope(
                lanes.series[MAGNITUDE, c],
                self._scale,
                count,
                self._state[c],
                self._last[c],
                self._histogram[c],
            )
        self.energy += lanes.series[ENERGY].sum(axis=1, dtype=np.float64)
        self.samples += valid

    def levels(self) -> list[SpeechLevel]:
        """Level of each channel so far."""
        if not self.samples:
            return [NO_SPEECH] * len(self.energy)
        found = []
        for energy, histogram in zip(self.energy, self._histogram, strict=True):
            reached = np.cumsum(histogram[::-1])[::-1][1:]
            share = reached / histogram.sum()
            found.append(solve(float(energy) / (self.samples * FULL_SCALE**2), share))
        return found

    def reset(self) -> None:
        """Forget the stream."""
        for array in (self._state, self._histogram, self.energy):
            array[:] = 0
        self._last[:, :_NOW] = _LONG_AGO
        self._last[:, _NOW:] = 0
        self.samples = 0


class SpeechLevelMeter:
    """Streaming P.56 meter: one level per channel."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._chunks = Chunks(sample_rate_hz, channels)
        self._lanes = LaneStatistics(sample_rate_hz, channels)
        self._levels = SpeechLevels(self._lanes, channels)

    def process(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> None:
        """Take frames (n, channels), int16 or float32; raises BlockContractError for others."""
        self._measure(self._chunks.push(frames))

    def result(self) -> list[SpeechLevel]:
        """End the stream; level and activity of each channel."""
        self._measure(self._chunks.flush())
        return self._levels.levels()

    def reset(self) -> None:
        """Forget the stream."""
        self._chunks.reset()
        self._levels.reset()

    def _measure(self, pieces: Iterator[int]) -> None:
        for valid in pieces:
            self._lanes.measure(self._chunks)
            self._levels.take(self._lanes, valid)
