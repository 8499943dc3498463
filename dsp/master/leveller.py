"""Speech-gated leveller: brings weak and loud speakers to one level, and leaves pauses alone.

Only control periods louder than the gate count. The level of the speech is the power over about
0.4 s of *active* time; the gain moves towards `target - level`, slowly near the target (so that
speech keeps its life) and quickly when it is far off (a new speaker, another microphone). While the
gate is shut nothing moves: a pause gets the gain of the speech before it and can never be raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import kernel, ready
from dsp.master.decibels import db_to_gains, powers_to_db
from dsp.master.level_detector import ControlGrid, smoothing

_POWER, _GAIN_DB, _FAST_POWER, _STARTED = range(4)


@dataclass(frozen=True)
class LevellerSettings:
    """What a leveller aims for; levels are mean powers in dBFS."""

    target_dbfs: float
    gate_dbfs: float
    max_boost_db: float = 20.0
    max_cut_db: float = 20.0
    window_s: float = 0.4
    slow_s: float = 4.0
    fast_s: float = 0.5
    fast_error_db: float = 6.0


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def level_gains(powers: Any, rule: Any, state: Any, levels: Any, gains: Any) -> None:
    """Turn powers of control periods into gains (amplitude factors), both of shape (n,).

    `rule`: target dB, gate power, boost limit dB, cut limit dB, then per-period shares: window,
    slow and fast gain move, the error (dB) that is fast, and the gate's own smoothing. `state`
    (4,): smoothed active power, gain in dB, gate power, whether speech has been met. `levels` (n,)
    is scratch.
    """
    for n in range(powers.shape[0]):
        state[_FAST_POWER] += rule[8] * (powers[n] - state[_FAST_POWER])
        active = state[_FAST_POWER] > rule[1] and powers[n] > 0.25 * rule[1]
        if active:
            if state[_STARTED] == 0.0:
                state[_POWER] = state[_FAST_POWER]
                state[_STARTED] = 1.0
            state[_POWER] += rule[4] * (powers[n] - state[_POWER])
        levels[n] = state[_POWER]
        gains[n] = 1.0 if active else 0.0
    powers_to_db(levels, levels)
    gain_db = state[_GAIN_DB]
    inverse = 1.0 / rule[7]
    for n in range(powers.shape[0]):
        wanted = min(rule[2], max(-rule[3], rule[0] - levels[n]))
        error = wanted - gain_db
        nearness = min(1.0, (error * inverse) ** 2)
        gain_db += gains[n] * error * (rule[5] + nearness * (rule[6] - rule[5]))
        levels[n] = gain_db
    state[_GAIN_DB] = gain_db
    db_to_gains(levels, gains)


class Leveller:
    """Evens out speech levels; no delay (the gain follows, the pauses hold it)."""

    delay_samples = 0

    def __init__(self, sample_rate_hz: float, channels: int, settings: LevellerSettings) -> None:
        if settings.gate_dbfs >= settings.target_dbfs:
            raise ValueError(
                f"gate_dbfs: expected below target_dbfs {settings.target_dbfs:g}, "
                f"got {settings.gate_dbfs:g}"
            )
        self.channels = channels
        self._grid = ControlGrid(sample_rate_hz, channels)
        period_s = self._grid.period_s
        self._rule = np.array(
            [
                settings.target_dbfs,
                10 ** (settings.gate_dbfs / 10),
                settings.max_boost_db,
                settings.max_cut_db,
                smoothing(settings.window_s, period_s),
                smoothing(settings.slow_s, period_s),
                smoothing(settings.fast_s, period_s),
                settings.fast_error_db,
                smoothing(0.02, period_s),
            ]
        )
        self._state = np.zeros(4)
        ready(level_gains)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Level (n, channels) → (n, channels); allocates a missing `out` and one gain per ms."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        first, powers = self._grid.measure(frames)
        gains = np.empty_like(powers)
        level_gains(powers, self._rule, self._state, np.empty_like(powers), gains)
        self._grid.apply(frames, first, gains, out)
        return out

    def reset(self) -> None:
        """Start a new stream at 0 dB."""
        self._state[:] = 0.0
        self._grid.reset()
