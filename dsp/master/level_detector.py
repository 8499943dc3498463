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
SILENT_DBFS = -200.0
_SILENT_POWER = 1e-20
_LANES = 8


def control_period_samples(sample_rate_hz: float) -> int:
    """Return the samples per control period: 24 at 24 kHz, 44 at 44.1 kHz."""
    return max(1, round(sample_rate_hz * CONTROL_PERIOD_S))


def smoothing(time_constant_s: float, period_s: float) -> float:
    """Share of the way that a one-pole of `time_constant_s` goes in one period."""
    return 1.0 - math.exp(-period_s / time_constant_s) if time_constant_s > 0 else 1.0


@inlined
def power_to_db(power: Any) -> Any:
    """10 log10, never below -200 dB."""
    return 10.0 * math.log10(power + _SILENT_POWER)


@inlined
def db_to_gain(level_db: Any) -> Any:
    """Amplitude factor of a level in dB."""
    return math.exp(level_db * 0.11512925464970229)  # ln(10) / 20


# No fastmath: the eight partial sums are named by the sample's place in its period, so the
# additions happen in the same order however the stream is cut.
@kernel("int64(float32[:, ::1], int64, int64[::1], float64[::1], float64[::1])")
def measure_power(frames: Any, period: Any, position: Any, sums: Any, powers: Any) -> Any:
    """Write the mean power of every period that ends in `frames` to `powers`; return how many.

    The power is that of all channels together, per channel. `position` (1,) is the place within the
    period and `sums` (8,) the running sums; both belong to the caller.
    """
    channels = frames.shape[1]
    flat = frames.reshape(frames.size)
    done = 0
    start = 0
    while start < frames.shape[0]:
        stop = min(frames.shape[0], start + period - position[0])
        i = start * channels
        end = stop * channels
        lane = (position[0] * channels) % _LANES
        while i < end and lane % _LANES:
            sums[lane] += np.float64(flat[i]) * np.float64(flat[i])
            lane = (lane + 1) % _LANES
            i += 1
        while i + _LANES <= end:
            for k in range(_LANES):
                sums[k] += np.float64(flat[i + k]) * np.float64(flat[i + k])
            i += _LANES
        for k in range(end - i):
            sums[lane + k] += np.float64(flat[i + k]) * np.float64(flat[i + k])
        position[0] += stop - start
        start = stop
        if position[0] == period:
            total = 0.0
            for k in range(_LANES):
                total += sums[k]
                sums[k] = 0.0
            powers[done] = total / (period * channels)
            done += 1
            position[0] = 0
    return done


@kernel("void(float32[:, ::1], int64, int64, float64[::1], float32[:, ::1])")
def apply_gains(frames: Any, period: Any, position: Any, gains: Any, out: Any) -> None:
    """Multiply `frames` by straight lines from gain to gain, one line per period.

    `position` is the place of the first frame in its period, whose line runs from gains[0] to
    gains[1]; the next period runs from gains[1] to gains[2], and so on.
    """
    start = 0
    line = 0
    while start < frames.shape[0]:
        stop = min(frames.shape[0], start + period - position)
        base = np.float32(gains[line])
        step = np.float32((gains[line + 1] - gains[line]) / period)
        for n in range(stop - start):
            gain = base + step * np.float32(position + n + 1)
            for c in range(frames.shape[1]):
                out[start + n, c] = frames[start + n, c] * gain
        position = 0
        line += 1
        start = stop


class ControlGrid:
    """Measures powers on the grid of control periods and applies gains on it, piece after piece."""

    def __init__(self, sample_rate_hz: float) -> None:
        self.period = control_period_samples(sample_rate_hz)
        self.period_s = self.period / sample_rate_hz
        self._position = np.zeros(1, dtype=np.int64)
        self._sums = np.zeros(_LANES)
        self._line = np.ones(2)
        ready(measure_power, apply_gains)

    def measure(self, frames: Frames) -> tuple[int, npt.NDArray[np.float64]]:
        """Return the place of the first frame in its period and the powers of the periods ended."""
        first = int(self._position[0])
        powers = np.empty(len(frames) // self.period + 2)
        done = measure_power(frames, self.period, self._position, self._sums, powers)
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
        self._position[:] = 0
        self._sums[:] = 0.0
        self._line = np.full(2, gain)
