"""Downward expander: pushes the noise of pauses down, and only that.

Below the threshold the gain falls by (ratio - 1) dB per dB, at most `range_db`. The threshold
stands between the measured noise floor and the speech, so speech never meets it. It opens within a
few milliseconds, holds over the short gaps within words, and closes gently. The sound is delayed by
`lookahead_s`, so that the soft onset of a word finds the gain already open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import kernel, ready
from dsp.master.decibels import db_to_gains, powers_to_db
from dsp.master.level_detector import ControlGrid, smoothing

_POWER, _HELD_PERIODS, _GAIN_DB = range(3)


@dataclass(frozen=True)
class ExpanderSettings:
    """Threshold as a mean power in dBFS, slope, depth and times."""

    threshold_dbfs: float
    ratio: float = 3.0
    range_db: float = 12.0
    window_s: float = 0.010
    attack_s: float = 0.003
    hold_s: float = 0.10
    release_s: float = 0.06
    lookahead_s: float = 0.015


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def expand_gains(powers: Any, rule: Any, state: Any, levels: Any, gains: Any) -> None:
    """Turn powers of control periods into gains (amplitude factors), both of shape (n,).

    `rule`: threshold dB, slope (ratio - 1), range dB, then per-period shares of the window, attack
    and release, and the hold in periods. `state` (3,): smoothed power, periods of hold left, gain
    in dB. `levels` (n,) is scratch.
    """
    for n in range(powers.shape[0]):
        state[_POWER] += rule[3] * (powers[n] - state[_POWER])
        levels[n] = state[_POWER]
    powers_to_db(levels, levels)
    held, gain_db = state[_HELD_PERIODS], state[_GAIN_DB]
    for n in range(powers.shape[0]):
        under_db = rule[0] - levels[n]
        wanted = 0.0
        if under_db <= 0.0:
            held = rule[6]
        elif held > 0.0:
            held -= 1.0
        else:
            wanted = -min(rule[2], rule[1] * under_db)
        share = rule[4] if wanted > gain_db else rule[5]
        gain_db += share * (wanted - gain_db)
        levels[n] = gain_db
    state[_HELD_PERIODS], state[_GAIN_DB] = held, gain_db
    db_to_gains(levels, gains)


class Expander:
    """Lowers pauses by up to `range_db`; late by the look-ahead."""

    def __init__(self, sample_rate_hz: float, channels: int, settings: ExpanderSettings) -> None:
        if settings.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, got {settings.ratio:g}")
        if settings.range_db < 0:
            raise ValueError(f"range_db: expected 0 or more, got {settings.range_db:g}")
        self.channels = channels
        self.delay_samples = round(settings.lookahead_s * sample_rate_hz)
        self._grid = ControlGrid(sample_rate_hz, channels)
        period_s = self._grid.period_s
        self._rule = np.array(
            [
                settings.threshold_dbfs,
                settings.ratio - 1.0,
                settings.range_db,
                smoothing(settings.window_s, period_s),
                smoothing(settings.attack_s, period_s),
                smoothing(settings.release_s, period_s),
                round(settings.hold_s / period_s) + round(settings.lookahead_s / period_s),
            ]
        )
        self._state = np.zeros(3)
        self._late = np.zeros((self.delay_samples, channels), dtype=np.float32)
        ready(expand_gains)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Expand (n, channels) → (n, channels); allocates a missing `out` and one late copy."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        first, powers = self._grid.measure(frames)
        gains = np.empty_like(powers)
        expand_gains(powers, self._rule, self._state, np.empty_like(powers), gains)
        line = np.concatenate((self._late, frames))
        self._late = line[len(frames) :].copy()
        self._grid.apply(line[: len(frames)], first, gains, out)
        return out

    def reset(self) -> None:
        """Start a new stream, open."""
        self._state[:] = 0.0
        self._late[:] = 0.0
        self._grid.reset()
