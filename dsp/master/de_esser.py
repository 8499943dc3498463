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
from dsp.kernel import kernel, ready
from dsp.master.compressor import FRAMES, SETTING, mix_bands
from dsp.master.crossover import corner_rows, crossover_memory, flush_memory, split_bands
from dsp.master.level_detector import (
    control_period_samples,
    db_to_gain,
    power_to_db,
    smoothing,
)


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


_MATRIX = "float64[:, ::1]"
_STATE = f"Tuple((float64[:, :, :, ::1], float64[::1], {_MATRIX}, int64[::1], {_MATRIX}))"


@kernel(f"void({FRAMES}, {SETTING}, {_STATE}, {FRAMES})", fastmath=frozenset({"contract"}))
def de_ess(frames: Any, setting: Any, state: Any, out: Any) -> None:
    """De-ess `frames` (n, c) into `out`; the state belongs to the caller.

    `setting`: the crossover's rows and `rule`: threshold dB, floor power, slope, deepest dB, shares
    of window, attack and release.
    `state`: the crossover's memory; `control` (5,), smoothed powers of both bands, their running
    sums, the gain in dB; line, position and scratch as in the compressor.
    """
    rows, rule = setting
    memory, control, line, position, bands = state
    period = bands.shape[1]
    channels = frames.shape[1]
    start = 0
    while start < frames.shape[0]:
        stop = min(frames.shape[0], start + period - position[0])
        for c in range(channels):
            split_bands(frames[start:stop, c], rows, memory[c], bands, control[2:4])
            mix_bands(bands, stop - start, position[0], line, c, out[start:stop])
        position[0] += stop - start
        start = stop
        if position[0] == period:
            for b in range(2):
                control[b] += rule[4] * (control[2 + b] / (period * channels) - control[b])
                control[2 + b] = 0.0
            whole = control[0] + control[1]
            over_db = power_to_db(control[1]) - power_to_db(whole) - rule[0]
            wanted = 0.0
            if whole > rule[1] and over_db > 0.0:
                wanted = -min(rule[3], rule[2] * over_db)
            move = rule[5] if wanted < control[4] else rule[6]
            control[4] += move * (wanted - control[4])
            line[0, 1] = line[1, 1]
            line[1, 1] = db_to_gain(control[4])
            flush_memory(memory)
            position[0] = 0


class DeEsser:
    """Softens sibilants; no delay beyond the crossover's phase."""

    delay_samples = 0

    def __init__(self, sample_rate_hz: float, channels: int, settings: DeEsserSettings) -> None:
        if settings.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, got {settings.ratio:g}")
        self.channels = channels
        self._rows = corner_rows(sample_rate_hz, (settings.corner_hz,))
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
        self._memory = crossover_memory(channels, 1)
        self._control = np.zeros(5)
        self._line = np.ones((2, 2))
        self._position = np.zeros(1, dtype=np.int64)
        self._bands = np.zeros((2, period))
        self._setting = (self._rows, self._rule)
        self._state = (self._memory, self._control, self._line, self._position, self._bands)
        ready(de_ess)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """De-ess (n, channels) → (n, channels); allocates only a missing `out`."""
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        de_ess(frames, self._setting, self._state, out)
        return out

    def reset(self) -> None:
        """Start a new stream without any reduction."""
        self._memory[:] = 0.0
        self._control[:] = 0.0
        self._line[:] = 1.0
        self._position[:] = 0
