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
from dsp.master.band_laps import (
    MIXING,
    measure_bands,
    mix_channels,
    mixing_scratch,
    split_lap,
)
from dsp.master.crossover import band_form
from dsp.master.decibels import db_to_gains, powers_to_db
from dsp.master.laps import FORM, SCRATCH, STREAM, flush
from dsp.master.level_detector import control_period_samples, smoothing
from dsp.master.state_space import COLUMNS


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


# Places in `rule`, the plain numbers that the kernel reads.
_SLOPE, _KNEE, _DEEPEST, _WINDOW, _ATTACK, _RELEASE, _MEAN, _GATE, _HOLD = range(9)
_POWER, _REDUCTION, _MEAN_REDUCTION, _GAIN, _NEXT_GAIN = range(5)
_CONTROL = "Tuple((float64[:, :, ::1], int64[::1]))"
_TABLES = "Tuple((float64[:, ::1], float64[:, ::1]))"


@inlined
def wanted_reductions(levels: Any, thresholds: Any, rule: Any) -> None:
    """Turn levels (bands, periods) in dB into the static curve's gain in dB, in place.

    0 below the knee, a parabola through it, a straight line above, never below the deepest.
    """
    slope, knee_db = rule[_SLOPE], rule[_KNEE]
    for b in range(levels.shape[0]):
        line = levels[b]
        threshold = thresholds[b]
        for k in range(line.shape[0]):
            over_db = line[k] - threshold
            bent = over_db + 0.5 * knee_db
            bent = -slope * bent * bent / (2.0 * knee_db)
            straight = max(-rule[_DEEPEST], -slope * over_db)
            above = straight if over_db >= 0.5 * knee_db else bent
            line[k] = 0.0 if over_db <= -0.5 * knee_db else above


@inlined
def smooth_powers(powers: Any, rule: Any, control: Any, held: Any, speaks: Any) -> Any:
    """Smooth `powers` (bands, periods) in place; write 1 to `speaks` (periods,) where one speaks.

    Returns the periods of speech left of `held`.
    """
    bands, periods = powers.shape
    for k in range(periods):
        total = 0.0
        for b in range(bands):
            control[_POWER, b] += rule[_WINDOW] * (powers[b, k] - control[_POWER, b])
            powers[b, k] = control[_POWER, b]
            total += powers[b, k]
        held = np.int64(rule[_HOLD]) if total > rule[_GATE] else max(np.int64(0), held - 1)
        speaks[k] = 1.0 if held > 0 else 0.0
    return held


@inlined
def move_reductions(wanted: Any, speaks: Any, rule: Any, control: Any) -> None:
    """Follow the `wanted` gains (bands, periods) in dB, in place, with attack and release."""
    # The bands within a period: each waits only for its own past.
    now, mean = control[_REDUCTION], control[_MEAN_REDUCTION]
    for k in range(wanted.shape[1]):
        speech = speaks[k] * rule[_MEAN]
        for b in range(wanted.shape[0]):
            now_db, mean_db = now[b], mean[b]
            goal = wanted[b, k] if speaks[k] > 0.0 else mean_db
            mean[b] = mean_db + speech * (now_db - mean_db)
            share = rule[_ATTACK] if goal < now_db else rule[_RELEASE]
            now_db = now_db + share * (goal - now_db)
            now[b] = now_db
            wanted[b, k] = now_db


@inlined
def decide_gains(setting: Any, control: Any, tables: Any, speaks: Any) -> None:
    """From the powers of a lap in `tables` to its gains; `control` moves on to the lap's end."""
    thresholds, rule = setting
    values, held = control
    powers, gains = tables
    periods = powers.shape[1]
    held[1] = smooth_powers(powers, rule, values[1], held[0], speaks)
    flat = powers.reshape(powers.size)
    powers_to_db(flat, flat)
    wanted_reductions(powers, thresholds, rule)
    move_reductions(powers, speaks, rule, values[1])
    for b in range(powers.shape[0]):
        gains[b, 0], gains[b, 1] = values[1, _GAIN, b], values[1, _NEXT_GAIN, b]
        db_to_gains(powers[b], gains[b, 2:])
        values[1, _GAIN, b], values[1, _NEXT_GAIN, b] = gains[b, periods], gains[b, periods + 1]


# "contract" only fuses multiply and add; tests/dsp/master/test_compressor.py bounds the difference.
@kernel(
    f"void(float32[:, ::1], {FORM}, Tuple((float64[::1], float64[::1])), {STREAM}, {_CONTROL}, "
    f"Tuple(({SCRATCH}, {MIXING}, {_TABLES}, float64[::1])), float32[:, ::1])",
    fastmath=frozenset({"contract"}),
)
def compress(
    frames: Any, form: Any, setting: Any, stream: Any, control: Any, scratch: Any, out: Any
) -> None:
    """Compress `frames` (n, c) into `out`; what is carried belongs to the caller.

    `form`, `stream`, the first of `scratch`: see laps.py; the second: band_laps.py. `setting`:
    thresholds in dB and the rule. `control`: values (2, 5, bands) at the beginning and the end of
    the lap: smoothed power, reduction, mean reduction, the gains that the next period starts and
    ends with; and periods of speech left (2,). `scratch` further: powers (bands, periods), gains
    (bands, periods + 2); speaks (periods,).
    """
    states, _, filled = stream
    bands, mixing, tables, speaks = scratch
    values, left = control
    lap = form[0][0] * COLUMNS
    start = 0
    while start < frames.shape[0]:
        at = filled[0]
        count = min(lap - at, frames.shape[0] - start)
        split_lap(frames, start, count, form, stream, bands)
        measure_bands(bands[4], form[0], bands[3], tables[0])
        values[1] = values[0]
        decide_gains(setting, control, tables, speaks)
        mix_channels(tables[1], form, bands, mixing, (at, count, start), out)
        start += count
        filled[0] = at + count
        if filled[0] == lap:
            filled[0] = 0
            left[0] = left[1]
            values[0] = values[1]
            for c in range(frames.shape[1]):
                flush(states[1, c])
                states[0, c] = states[1, c]


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
        form = band_form(sample_rate_hz, settings.corners_hz, period)
        periods = form.lap // period
        self._form = form.tables
        self._setting = (np.array(settings.thresholds_dbfs, np.float64), self._rule)
        self._stream = form.stream(channels)
        self._values = np.zeros((2, 5, count))
        self._left = np.zeros(2, np.int64)
        self._control = (self._values, self._left)
        self._scratch = (
            form.scratch(channels),
            mixing_scratch(count, form.rows),
            (np.zeros((count, periods)), np.zeros((count, periods + 2))),
            np.zeros(periods),
        )
        ready(compress)
        self.reset()

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Compress (n, channels) → (n, channels); allocates only a missing `out`."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        compress(frames, self._form, self._setting, self._stream, self._control, self._scratch, out)
        return out

    def reset(self) -> None:
        """Start a new stream without any reduction."""
        for array in (*self._stream, self._values, self._left):
            array[:] = 0
        self._values[:, _GAIN:] = 1.0
