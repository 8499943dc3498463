"""Level and gain at a control rate: the slow half of every dynamics block.

A dynamics block does three things. It measures the power of each control period (about 1 ms); it
decides one gain per period from that power (a few operations, however recursive); it multiplies
the samples by a straight line from the last gain to the new one. Only the first and the last touch
every sample, and both are vectorised here.

Periods are counted from the start of the stream, so the gains do not depend on how it was cut. The
gain decided from period k is reached at the end of period k + 1: one period of delay in the gain,
none in the sound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined, kernel, ready
from dsp.lanes import LANES, lane_sum, load, splat, store

if TYPE_CHECKING:
    from dsp.contract import Frames

CONTROL_PERIOD_S = 1e-3


def control_period_samples(sample_rate_hz: float) -> int:
    """Return the samples per control period: 24 at 24 kHz, 44 at 44.1 kHz."""
    return max(1, round(sample_rate_hz * CONTROL_PERIOD_S))


def smoothing(time_constant_s: float, period_s: float) -> float:
    """Share of the way that a one-pole of `time_constant_s` goes in one period."""
    return 1.0 - math.exp(-period_s / time_constant_s) if time_constant_s > 0 else 1.0


@inlined
def _mean_square(samples: Any, first: Any, size: Any, tail: Any) -> Any:
    """Mean square of `size` of `samples` from `first` on: sixteen sums side by side, then a tree.

    `tail` (16,) is one for the lanes that the last vector has for itself, else zero.
    """
    if size < LANES:
        total = np.float32(0.0)
        for i in range(first, first + size):
            total += samples[i] * samples[i]
        return np.float64(total) / size
    own = load(samples, first + size - LANES) * load(tail, 0)
    sums = own * own
    for i in range(first, first + size - LANES + 1, LANES):
        own = load(samples, i)
        sums = sums + own * own
    return np.float64(lane_sum(sums)) / size


# A period is summed at once, in one order, however the stream is cut. "contract" only fuses
# multiply and add (tests/dsp/master/test_dynamics_twins.py).
@kernel(
    "int64(float32[::1], float32[::1], float32[::1], int64[::1], float64[::1])",
    fastmath=frozenset({"contract"}),
)
def measure_power(samples: Any, tail: Any, held: Any, filled: Any, powers: Any) -> Any:
    """Write the mean power of every period that ends in `samples` to `powers`; return how many.

    `samples` (n,) are those of all channels, interleaved; `tail`: see `_mean_square`. `held`
    (period * channels,) keeps the `filled[0]` samples of a period begun; both belong to the caller.
    """
    size = held.shape[0]
    done = 0
    start = 0
    if filled[0] > 0:
        start = min(size - filled[0], samples.shape[0])
        held[filled[0] : filled[0] + start] = samples[:start]
        filled[0] += start
        if filled[0] < size:
            return 0
        powers[0] = _mean_square(held, 0, size, tail)
        done = 1
    while start + size <= samples.shape[0]:
        powers[done] = _mean_square(samples, start, size, tail)
        done += 1
        start += size
    filled[0] = samples.shape[0] - start
    held[: filled[0]] = samples[start:]
    return done


@inlined
def _scale(own: Any, first: Any, count: Any, gain: Any, ramp: Any, out: Any) -> None:
    """Multiply `count` samples from `first` on by a straight line; `out` may be `own`.

    `gain`: where the line starts, its slope, and the place of the first sample on `ramp`.
    """
    base, step, place = splat(gain[0]), splat(gain[1]), gain[2]
    if count < LANES:
        for i in range(count):
            out[first + i] = own[first + i] * (gain[0] + gain[1] * ramp[place + i])
        return
    # The last vector overlaps the one before: it is read before anything is written.
    end = count - LANES
    last = load(own, first + end) * (base + step * load(ramp, place + end))
    for i in range(0, end, LANES):
        store(load(own, first + i) * (base + step * load(ramp, place + i)), out, first + i)
    store(last, out, first + end)


@kernel(
    "void(float32[:, ::1], int64, int64, float64[::1], float32[::1], float32[:, ::1])",
    fastmath=frozenset({"contract"}),
)
def apply_gains(frames: Any, period: Any, position: Any, gains: Any, ramp: Any, out: Any) -> None:
    """Multiply `frames` by straight lines from gain to gain, one line per period.

    `position` is the place of the first frame in its period, whose line runs from gains[0] to
    gains[1]; the next period runs from gains[1] to gains[2], and so on. `ramp` (period * channels,)
    counts the frames of a period from 1.
    """
    channels = frames.shape[1]
    source, target = frames.reshape(frames.size), out.reshape(out.size)
    share = 1.0 / period
    start = 0
    line = 0
    while start < frames.shape[0]:
        count = min(frames.shape[0] - start, period - position)
        base = np.float32(gains[line])
        step = np.float32((gains[line + 1] - gains[line]) * share)
        place = (base, step, position * channels)
        _scale(source, start * channels, count * channels, place, ramp, target)
        position = 0
        line += 1
        start += count


class ControlGrid:
    """Measures powers on the grid of control periods and applies gains on it, piece after piece."""

    def __init__(self, sample_rate_hz: float, channels: int) -> None:
        self.period = control_period_samples(sample_rate_hz)
        self.period_s = self.period / sample_rate_hz
        self._channels = channels
        self._held = np.zeros(self.period * channels, np.float32)
        self._filled = np.zeros(1, dtype=np.int64)
        self._line = np.ones(2)
        size = self.period * channels
        self._tail = (np.arange(LANES) >= LANES - size % LANES).astype(np.float32)
        self._ramp = np.repeat(np.arange(1, self.period + 1, dtype=np.float32), channels)
        ready(measure_power, apply_gains)

    def measure(self, frames: Frames) -> tuple[int, npt.NDArray[np.float64]]:
        """Return the place of the first frame in its period and the powers of the periods ended."""
        first = int(self._filled[0]) // self._channels
        powers = np.empty(len(frames) // self.period + 2)
        samples = frames.reshape(-1)
        done = measure_power(samples, self._tail, self._held, self._filled, powers)
        return first, powers[:done]

    def apply(
        self, frames: Frames, first: int, gains: npt.NDArray[np.float64], out: Frames
    ) -> None:
        """Multiply by lines through the gain so far and `gains`, one for each period ended."""
        line = np.concatenate((self._line, gains))
        apply_gains(frames, self.period, first, line, self._ramp, out)
        self._line = line[-2:]

    def reset(self, gain: float = 1.0) -> None:
        """Start a new stream at `gain`."""
        self._filled[:] = 0
        self._line = np.full(2, gain)
