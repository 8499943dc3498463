"""Multiband compressor: evens out each band on its own, and is exactly flat while no band is loud.

The crossover (Linkwitz-Riley, in phase) feeds four to eight bands. Each band has a threshold with a
soft knee, a ratio, and its own gain, decided once per control period and linked over the channels.
While nobody speaks (all bands together stay under the gate) a band does not let go: it moves to the
mean reduction it had during speech, so a pause is raised by no more than the speech was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.master.crossover import corner_rows, crossover_memory, flush_memory, split_bands
from dsp.master.level_detector import (
    control_period_samples,
    db_to_gain,
    power_to_db,
    smoothing,
)


@dataclass(frozen=True)
class CompressorSettings:
    """Corners between the bands, one threshold per band (mean power, dBFS), slopes and times."""

    corners_hz: tuple[float, ...]
    thresholds_dbfs: tuple[float, ...]
    gate_dbfs: float
    ratio: float = 3.0
    knee_db: float = 6.0
    max_reduction_db: float = 18.0
    window_s: float = 0.005
    attack_s: float = 0.004
    release_s: float = 0.10
    mean_s: float = 2.0
    hold_s: float = 0.05


FRAMES = "float32[:, ::1]"
SETTING = "Tuple((float64[:, ::1], float64[::1]))"
_MATRIX = "float64[:, ::1]"
_STATE = f"Tuple((float64[:, :, :, ::1], {_MATRIX}, {_MATRIX}, int64[::1], {_MATRIX}))"

# Places in `rule` and `control`, the plain arrays that the kernel reads and carries.
_SLOPE, _KNEE, _DEEPEST, _WINDOW, _ATTACK, _RELEASE, _MEAN, _GATE, _HOLD = range(9)
_POWER, _REDUCTION, _MEAN_REDUCTION, _THRESHOLD, _SUM = range(5)


@inlined
def reduction_db(over_db: Any, slope: Any, knee_db: Any, deepest_db: Any) -> Any:
    """Return the static curve: 0 below the knee, a parabola through it, a straight line above."""
    if over_db <= -0.5 * knee_db:
        return 0.0
    if over_db < 0.5 * knee_db:
        return -slope * (over_db + 0.5 * knee_db) ** 2 / (2.0 * knee_db)
    return max(-deepest_db, -slope * over_db)


@inlined
def decide_gains(rule: Any, control: Any, position: Any, line: Any, share: Any) -> None:
    """End a control period: from the band sums in `control` to the next gains in `line` (2, 8)."""
    total = 0.0
    count = control.shape[1]
    for b in range(count):
        control[_POWER, b] += rule[_WINDOW] * (share * control[_SUM, b] - control[_POWER, b])
        control[_SUM, b] = 0.0
        total += control[_POWER, b]
    position[1] = int(rule[_HOLD]) if total > rule[_GATE] else max(0, position[1] - 1)
    for b in range(count):
        line[0, b] = line[1, b]
        now_db = control[_REDUCTION, b]
        if position[1] > 0:
            over_db = power_to_db(control[_POWER, b]) - control[_THRESHOLD, b]
            wanted = reduction_db(over_db, rule[_SLOPE], rule[_KNEE], rule[_DEEPEST])
            control[_MEAN_REDUCTION, b] += rule[_MEAN] * (now_db - control[_MEAN_REDUCTION, b])
        else:
            wanted = control[_MEAN_REDUCTION, b]
        share = rule[_ATTACK] if wanted < now_db else rule[_RELEASE]
        control[_REDUCTION, b] = now_db + share * (wanted - now_db)
        line[1, b] = db_to_gain(control[_REDUCTION, b])


@inlined
def mix_bands(bands: Any, count: Any, place: Any, line: Any, channel: Any, out: Any) -> None:
    """Add the bands of a stretch of `count` frames into `out`, each under its line of gain."""
    period = bands.shape[1]
    for n in range(count):
        out[n, channel] = 0.0
    for b in range(bands.shape[0]):
        base = line[0, b]
        step = (line[1, b] - line[0, b]) / period
        for n in range(count):
            gain = base + step * (place + n + 1)
            out[n, channel] += np.float32(bands[b, n] * gain)


# "contract" only fuses multiply and add; tests/dsp/master/test_compressor.py bounds the difference.
@kernel(
    f"void({FRAMES}, {SETTING}, {_STATE}, {FRAMES})",
    fastmath=frozenset({"contract"}),
)
def compress(frames: Any, setting: Any, state: Any, out: Any) -> None:
    """Compress `frames` (n, c) into `out`; the state belongs to the caller.

    `setting`: the crossover's rows and the rule. `state`: the crossover's memory; `control` (5,
    bands) with smoothed power, reduction, mean reduction, threshold and running sum of every band;
    `line` (2, bands), the gains that this period starts and ends with; `position` (2,), place
    in the period and periods of speech left; `bands` (bands, period), scratch.
    """
    rows, rule = setting
    memory, control, line, position, bands = state
    period = bands.shape[1]
    channels = frames.shape[1]
    start = 0
    while start < frames.shape[0]:
        stop = min(frames.shape[0], start + period - position[0])
        for c in range(channels):
            split_bands(frames[start:stop, c], rows, memory[c], bands, control[_SUM])
            mix_bands(bands, stop - start, position[0], line, c, out[start:stop])
        position[0] += stop - start
        start = stop
        if position[0] == period:
            decide_gains(rule, control, position, line, 1.0 / (period * channels))
            flush_memory(memory)
            position[0] = 0


class Compressor:
    """Compresses each band of the programme on its own; no delay beyond the crossover's phase."""

    delay_samples = 0

    def __init__(self, sample_rate_hz: float, channels: int, settings: CompressorSettings) -> None:
        count = len(settings.corners_hz) + 1
        if len(settings.thresholds_dbfs) != count:
            raise ValueError(
                f"thresholds_dbfs: expected {count}, got {len(settings.thresholds_dbfs)}"
            )
        if settings.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, got {settings.ratio:g}")
        self.channels = channels
        self._thresholds = settings.thresholds_dbfs
        self._rows = corner_rows(sample_rate_hz, settings.corners_hz)
        period = control_period_samples(sample_rate_hz)
        period_s = period / sample_rate_hz
        self._rule = np.array(
            [
                1.0 - 1.0 / settings.ratio,
                max(settings.knee_db, 1e-9),
                settings.max_reduction_db,
                smoothing(settings.window_s, period_s),
                smoothing(settings.attack_s, period_s),
                smoothing(settings.release_s, period_s),
                smoothing(settings.mean_s, period_s),
                10 ** (settings.gate_dbfs / 10),
                1 + round(settings.hold_s / period_s),
            ]
        )
        self._memory = crossover_memory(channels, count - 1)
        self._control = np.zeros((5, count))
        self._line = np.ones((2, count))
        self._position = np.zeros(2, dtype=np.int64)
        self._bands = np.zeros((count, period))
        self._setting = (self._rows, self._rule)
        self._state = (self._memory, self._control, self._line, self._position, self._bands)
        ready(compress)
        self.reset()

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Compress (n, channels) → (n, channels); allocates only a missing `out`."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        compress(frames, self._setting, self._state, out)
        return out

    def reset(self) -> None:
        """Start a new stream without any reduction."""
        self._memory[:] = 0.0
        self._control[:] = 0.0
        self._control[_THRESHOLD, :] = self._thresholds
        self._line[:] = 1.0
        self._position[:] = 0
