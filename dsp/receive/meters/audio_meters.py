"""What the decoded audio is like, second by second: levels, balance, correlation, hum.

Units of composite come in; the audio's share of the deviation (rated less pilot and RDS) is full
scale: ± 1.0 is what an fm master at 0 dBFS makes (contract: Scales).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready
from dsp.measure import hum
from dsp.receive.composite.grid import AUDIO_BATCH

MS = 48
_QUIET_SHARE = 3
# Fewer windows than five seconds of them let chance look like a line.
_FEWEST_HELD = 50
_HELD_WINDOWS = 100
_WINDOWS = 1_000 // hum.HOP_MS  # a second
_END_MS = hum.HOP_MS + 1_000

_FRAMES = types.Array(types.float32, 2, "C", readonly=True)
_SUMS = types.Array(types.float64, 1, "C")
_MEANS = types.Array(types.float32, 1, "C")


@kernel(types.void(_FRAMES, _SUMS, _MEANS), fastmath=frozenset({"contract", "reassoc"}))
def add_frames(frames: Any, sums: Any, means: Any) -> None:
    """Add Σl², Σr², Σlr to `sums` (3,); write the mean of (l + r) / 2 of each ms to `means`."""
    for ms in range(means.shape[0]):
        ll = rr = lr = both = np.float32(0.0)
        part = frames[ms * MS : (ms + 1) * MS]
        for i in range(MS):
            left, right = part[i, 0], part[i, 1]
            ll += left * left
            rr += right * right
            lr += left * right
            both += left + right
        sums[0] += ll
        sums[1] += rr
        sums[2] += lr
        means[ms] = both / np.float32(2 * MS)


@dataclass(frozen=True)
class AudioReading:
    """Levels in dBFS (a sine at full scale is -3), balance in dB, correlation -1 … 1."""

    left_dbfs: float
    right_dbfs: float
    level_dbfs: float
    correlation: float
    hum: hum.Hum | None

    @property
    def balance_db(self) -> float:
        """Left over right."""
        return self.left_dbfs - self.right_dbfs


class AudioMeters:
    """Judges each second; hum over the last ten."""

    def __init__(self) -> None:
        ready(add_frames, hum.probe_windows)
        self._waves = hum.probe_waves().reshape(-1)
        self._parts = np.zeros(4 * hum.COLUMNS, np.float32)
        # Two windows more than a second has: they come by fours. The last milliseconds stay zero.
        self._means = np.zeros(_END_MS + 2 * hum.HOP_MS, np.float32)
        self._probed = np.empty((_WINDOWS + 2, hum.PROBES), np.float32)
        self._powers = np.zeros((_HELD_WINDOWS, hum.PROBES), np.float32)
        self._sums = np.zeros(3)
        self._windows = 0

    def second(self, frames: npt.NDArray[np.float32], gain_db: float) -> AudioReading:
        """Judge the second of `frames` (AUDIO_BATCH, 2), in units of composite.

        `gain_db` leads from composite to full scale.
        """
        assert len(frames) == AUDIO_BATCH
        self._means[: hum.HOP_MS] = self._means[_END_MS - hum.HOP_MS : _END_MS]
        self._sums[:] = 0.0
        add_frames(frames, self._sums, self._means[hum.HOP_MS : _END_MS])
        left, right, product = (float(value) / len(frames) for value in self._sums)
        size = math.sqrt(left * right)
        level_dbfs = _decibels((left + right) / 2.0) + gain_db
        return AudioReading(
            left_dbfs=_decibels(left) + gain_db,
            right_dbfs=_decibels(right) + gain_db,
            level_dbfs=level_dbfs,
            correlation=product / size if size > 1e-14 else 0.0,
            hum=self._hum(gain_db, level_dbfs),
        )

    def _hum(self, gain_db: float, level_dbfs: float) -> hum.Hum | None:
        """Look for hum in the quietest third of the windows of the last ten seconds."""
        self._powers[:-_WINDOWS] = self._powers[_WINDOWS:]
        hum.probe_windows(self._means, self._waves, self._parts, self._probed)
        self._powers[-_WINDOWS:] = self._probed[:_WINDOWS]
        self._windows = min(self._windows + _WINDOWS, _HELD_WINDOWS)
        if self._windows < _FEWEST_HELD:
            return None
        # The very first window begins before the stream did.
        held = self._powers[_HELD_WINDOWS - self._windows + (self._windows < _HELD_WINDOWS) :]
        loud = held.sum(axis=1)
        quiet = held[np.argsort(loud)[: len(held) // _QUIET_SHARE]]
        return hum.judge(quiet.astype(np.float64) * 10.0 ** (gain_db / 10.0), level_dbfs)

    def reset(self) -> None:
        """Forget the stream."""
        self._means[:] = 0.0
        self._powers[:] = 0.0
        self._windows = 0


def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, 1e-16))
