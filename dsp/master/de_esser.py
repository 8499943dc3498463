"""De-esser: turns the sharp band down while it outweighs the voice.

One Linkwitz-Riley corner splits the voice from the sibilants. When the upper band's power comes
closer than `threshold_db` to the power of the whole, its gain falls by the excess times
(1 - 1 / ratio); the lower band is never touched. The threshold is a *relation*, so a soft and a
loud "s" are treated alike. Idle, the sum of the two bands is flat.
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
class DeEsserSettings:
    """Corner, the share of the power that is too sharp (dB below the whole), slope and times."""

    corner_hz: float = 5000.0
    threshold_db: float = -6.0
    floor_dbfs: float = -60.0
    ratio: float = 3.0
    max_reduction_db: float = 10.0
    window_s: float = 0.005
    attack_s: float = 0.002
    release_s: float = 0.03


# Places in `rule`, the plain numbers that the kernel reads, and in what is carried.
_THRESHOLD, _FLOOR, _SLOPE, _DEEPEST, _WINDOW, _ATTACK, _RELEASE = range(7)
_LOW_POWER, _HIGH_POWER, _REDUCTION, _GAIN, _NEXT_GAIN = range(5)
_TABLES = "Tuple((float64[:, ::1], float64[:, ::1]))"


@inlined
def decide_sharp_gains(rule: Any, values: Any, powers: Any, levels: Any, gains: Any) -> None:
    """From the powers (2, periods) of a lap to its gains (2, periods + 2); `values` (5,) move on.

    `levels` (2, periods) is scratch: the powers of the sharp band and of the whole in dB.
    """
    periods = powers.shape[1]
    for k in range(periods):
        for b in range(2):
            values[b] += rule[_WINDOW] * (powers[b, k] - values[b])
        levels[0, k] = values[_HIGH_POWER]
        levels[1, k] = values[_LOW_POWER] + values[_HIGH_POWER]
    for k in range(periods):
        powers[0, k] = levels[1, k]
    flat = levels.reshape(levels.size)
    powers_to_db(flat, flat)
    now_db = values[_REDUCTION]
    for k in range(periods):
        over_db = levels[0, k] - levels[1, k] - rule[_THRESHOLD]
        wanted = 0.0
        if powers[0, k] > rule[_FLOOR] and over_db > 0.0:
            wanted = -min(rule[_DEEPEST], rule[_SLOPE] * over_db)
        move = rule[_ATTACK] if wanted < now_db else rule[_RELEASE]
        now_db += move * (wanted - now_db)
        levels[0, k] = now_db
    values[_REDUCTION] = now_db
    gains[0, :] = 1.0
    gains[1, 0], gains[1, 1] = values[_GAIN], values[_NEXT_GAIN]
    db_to_gains(levels[0], gains[1, 2:])
    values[_GAIN], values[_NEXT_GAIN] = gains[1, periods], gains[1, periods + 1]


@kernel(
    f"void(float32[:, ::1], {FORM}, float64[::1], {STREAM}, float64[:, ::1], "
    f"Tuple(({SCRATCH}, {MIXING}, {_TABLES}, float64[:, ::1])), float32[:, ::1])",
    fastmath=frozenset({"contract"}),
)
def de_ess(
    frames: Any, form: Any, rule: Any, stream: Any, values: Any, scratch: Any, out: Any
) -> None:
    """De-ess `frames` (n, c) into `out`; what is carried belongs to the caller.

    `form`, `stream`, the first of `scratch`: see laps.py; the second: band_laps.py. `rule`:
    threshold dB, floor power, slope, deepest dB, shares of window, attack and release. `values` (2,
    5) at the beginning and the end of the lap: smoothed powers of both bands, the gain in dB, the
    gains that the next period starts and ends with. `scratch` further: powers (2, periods), gains
    (2, periods + 2); levels (2, periods).
    """
    states, _, filled = stream
    bands, mixing, tables, levels = scratch
    powers, gains = tables
    lap = form[0][0] * COLUMNS
    start = 0
    while start < frames.shape[0]:
        at = filled[0]
        count = min(lap - at, frames.shape[0] - start)
        split_lap(frames, start, count, form, stream, bands)
        measure_bands(bands[4], form[0], bands[3], powers)
        values[1] = values[0]
        decide_sharp_gains(rule, values[1], powers, levels, gains)
        mix_channels(gains, form, bands, mixing, (at, count, start), out)
        start += count
        filled[0] = at + count
        if filled[0] == lap:
            filled[0] = 0
            values[0] = values[1]
            for c in range(frames.shape[1]):
                flush(states[1, c])
                states[0, c] = states[1, c]


class DeEsser:
    """Softens sibilants; no delay beyond the crossover's phase."""

    delay_samples = 0

    def __init__(self, sample_rate_hz: float, channels: int, settings: DeEsserSettings) -> None:
        if settings.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, got {settings.ratio:g}")
        self.channels = channels
        period = control_period_samples(sample_rate_hz)
        period_s = period / sample_rate_hz
        self._rule = np.array(
            [
                settings.threshold_db,
                10 ** (settings.floor_dbfs / 10),
                1.0 - 1.0 / settings.ratio,
                settings.max_reduction_db,
                smoothing(settings.window_s, period_s),
                smoothing(settings.attack_s, period_s),
                smoothing(settings.release_s, period_s),
            ]
        )
        form = band_form(sample_rate_hz, (settings.corner_hz,), period)
        periods = form.lap // period
        self._form = form.tables
        self._stream = form.stream(channels)
        self._values = np.zeros((2, 5))
        self._scratch = (
            form.scratch(channels),
            mixing_scratch(2, form.rows),
            (np.zeros((2, periods)), np.zeros((2, periods + 2))),
            np.zeros((2, periods)),
        )
        ready(de_ess)
        self.reset()

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """De-ess (n, channels) → (n, channels); allocates only a missing `out`."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        de_ess(frames, self._form, self._rule, self._stream, self._values, self._scratch, out)
        return out

    def reset(self) -> None:
        """Start a new stream without any reduction."""
        for array in (*self._stream, self._values):
            array[:] = 0
        self._values[:, _GAIN:] = 1.0
