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
def _mean_square(samples: Any, size: Any) -> Any:
    """Mean square of the first `size` of `samples`: eight sums side by side, then the rest."""
    s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    whole = size // 8
    for i in range(whole):
        x = samples[8 * i : 8 * i + 8]
        s0 += np.float64(x[0]) * np.float64(x[0])
        s1 += np.float64(x[1]) * np.float64(x[1])
        s2 += np.float64(x[2]) * np.float64(x[2])
        s3 += np.float64(x[3]) * np.float64(x[3])
        s4 += np.float64(x[4]) * np.float64(x[4])
        s5 += np.float64(x[5]) * np.float64(x[5])
        s6 += np.float64(x[6]) * np.float64(x[6])
        s7 += np.float64(x[7]) * np.float64(x[7])
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for i in range(8 * whole, size):
        total += np.float64(samples[i]) * np.float64(samples[i])
    return total / size


# No fastmath: a period is summed at once, in one order, however the stream is cut.
@kernel("int64(float32[::1], float32[::1], int64[::1], float64[::1])")
def measure_power(samples: Any, held: Any, filled: Any, powers: Any) -> Any:
    """Write the mean power of every period that ends in `samples` to `powers`; return how many.

    `samples` (n,) are those of all channels, interleaved. `held` (period * channels,) keeps the
    `filled[0]` samples of a period begun; both belong to the caller.
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
        powers[0] = _mean_square(held, size)
        done = 1
    while start + size <= samples.shape[0]:
        powers[done] = _mean_square(samples[start : start + size], size)
        done += 1
        start += size
    filled[0] = samples.shape[0] - start
    held[: filled[0]] = samples[start:]
    return done


@kernel("void(float32[:, ::1], int64, int64, float64[::1], float32[:, ::1])")
def apply_gains(frames: Any, period: Any, position: Any, gains: Any, out: Any) -> None:
    """Multiply `frames` by straight lines from gain to gain, one line per period.

    `position` is the place of the first frame in its period, whose line runs from gains[0] to
    gains[1]; the next period runs from gains[1] to gains[2], and so on.
    """
    channels = frames.shape[1]
    source, target = frames.reshape(frames.size), out.reshape(out.size)
    start = 0
    line = 0
    while start < frames.shape[0]:
        count = min(frames.shape[0] - start, period - position)
        base = np.float32(gains[line])
        step = np.float32((gains[line + 1] - gains[line]) / period)
        own = source[start * channels : (start + count) * channels]
        heard = target[start * channels : (start + count) * channels]
        if channels == 1:
            for n in range(count):
                heard[n] = own[n] * (base + step * np.float32(position + n + 1))
        elif channels == 2:
            for n in range(count):
                gain = base + step * np.float32(position + n + 1)
                heard[2 * n] = own[2 * n] * gain
                heard[2 * n + 1] = own[2 * n + 1] * gain
        else:
            for n in range(count):
                gain = base + step * np.float32(position + n + 1)
                for c in range(channels):
                    heard[n * channels + c] = own[n * channels + c] * gain
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
        ready(measure_power, apply_gains)

    def measure(self, frames: Frames) -> tuple[int, npt.NDArray[np.float64]]:
        """Return the place of the first frame in its period and the powers of the periods ended."""
        first = int(self._filled[0]) // self._channels
        powers = np.empty(len(frames) // self.period + 2)
        done = measure_power(frames.reshape(-1), self._held, self._filled, powers)
        return first, powers[:done]

    def apply(
        self, frames: Frames, first: int, gains: npt.NDArray[np.float64], out: Frames
    ) -> None:
        """Multiply by lines through the gain so far and `gains`, one for each period ended."""
        line = np.concatenate((self._line, gains))
        apply_gains(frames, self.period, first, line, out)
        self._line = line[-2:]

    def reset(self, gain: float = 1.0) -> None:
        """Start a new stream at `gain`."""
        self._filled[:] = 0
        self._line = np.full(2, gain)
