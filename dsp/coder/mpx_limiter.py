"""MPX power limiter (Rec. ITU-R BS.412-9 §2.5.1): no 60 s of the multiplex over the target.

Power is counted in cells of 10 240 samples (53.3 ms; 60 s are 1125 cells, and 60 s in any position
lie within 1126). The gain of a cell is the smallest of

* what can be held: for every horizon from 2 to 60 s the power that, spent evenly over it, leaves no
  window over the target, given what the last minute has spent. Divided by the programme's mean
  power (3 s and 20 s averages, the larger: a pause does not raise the gain). The target of this
  slow rule is 0.09 dB below, which leaves a reserve for syllables;
* what is left: a cell never spends more than a third of what the last minute left. This makes the
  promise; with the reserve it hardly ever acts;
* the last gain, changed by 2 dB/s upwards or 12 dB/s downwards.

It scales the audio alone; pilot and RDS are counted as sines of their peak deviation (RDS is less:
the error is on the safe side). A cell is heard after the next one is known: look-ahead and delay
are two cells, 20 480 samples. A gain of one is exactly one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import COMPOSITE_RATE_HZ
from dsp.kernel import kernel, ready
from dsp.master.mpx_power import WINDOW_S, mean_square_hz2

CELL = 10_240
CELLS = WINDOW_S * COMPOSITE_RATE_HZ // CELL
_CELL_S = CELL / COMPOSITE_RATE_HZ
_RESERVE = 0.02  # of a window: 1.2 s of the mean power
_SHORTEST = round(2.0 / _CELL_S)  # cells of the shortest horizon
_RISE = 10.0 ** (2.0 * _CELL_S / 20.0)
_FALL = 10.0 ** (-12.0 * _CELL_S / 20.0)
_FAST = 1.0 - math.exp(-_CELL_S / 3.0)
_SLOW = 1.0 - math.exp(-_CELL_S / 20.0)
_LANES = 16

Planes = npt.NDArray[np.float32]
Real = npt.NDArray[np.float64]

F32 = types.float32


@kernel(
    types.float64(types.Array(F32, 2, "C", readonly=True)),
    # Fused multiply-adds only; tests/dsp/coder/test_mpx_limiter.py compares with NumPy.
    fastmath=frozenset({"contract"}),
)
def cell_power(planes):
    """Mean square of the multiplex that `planes` (lines, CELL) will make: M² + S² / 2."""
    sums = np.zeros(_LANES, np.float64)
    stereo = planes.shape[0] == 2
    scale = np.float32(0.5) if stereo else np.float32(1.0)
    line, other = planes[0], planes[planes.shape[0] - 1]
    part = np.zeros(_LANES, np.float32)
    for block in range(0, CELL, _LANES * 16):
        part[:] = 0.0
        for start in range(block, block + _LANES * 16, _LANES):
            a, b = line[start : start + _LANES], other[start : start + _LANES]
            for i in range(_LANES):
                middle = scale * (a[i] + b[i]) if stereo else a[i]
                side = scale * (a[i] - b[i])
                part[i] += middle * middle + np.float32(0.5) * side * side
        for i in range(_LANES):
            sums[i] += part[i]
    return sums.sum() / CELL


class MpxPowerLimiter:
    """Holds the MPX power of planes (lines, n) at 192 kHz, ±1 being the audio's share.

    Parameters
    ----------
    lines
        1 (mono) or 2 (left and right).
    audio_hz, pilot_hz, rds_hz
        Peak deviations: the audio's share, the pilot and RDS.
    limit_dbr
        Highest MPX power over any 60 s.

    Attributes
    ----------
    gain
        Gain of the newest cell; `lowest_gain` the smallest so far.

    Raises
    ------
    ValueError
        Where pilot and RDS alone reach the limit.
    """

    delay_samples = 2 * CELL

    def __init__(
        self, lines: int, *, audio_hz: float, pilot_hz: float, rds_hz: float, limit_dbr: float
    ) -> None:
        rest_hz2 = mean_square_hz2(limit_dbr) - (pilot_hz**2 + rds_hz**2) / 2.0
        if rest_hz2 <= 0.0:
            raise ValueError(
                "mpx_limit_dbr: expected more than pilot and RDS alone, "
                f"got {limit_dbr} dBr for {pilot_hz} Hz and {rds_hz} Hz"
            )
        ready(cell_power)
        # In units of cell power: what a window of CELLS + 1 cells may spend.
        self._budget = CELLS * rest_hz2 / audio_hz**2
        self._horizons = np.arange(_SHORTEST, CELLS + 2, dtype=np.float64)
        self._filling = np.zeros((lines, CELL), np.float32)
        self._waiting = np.zeros((lines, CELL), np.float32)
        self._leaving = np.zeros((lines, CELL), np.float32)
        self._spent = np.zeros(CELLS)
        self._filled = 0
        self._fast = self._slow = 0.0
        self._node = self.gain = self.lowest_gain = 1.0
        turn = np.pi * (np.arange(CELL) + 0.5) / CELL
        self._ramp = (0.5 - 0.5 * np.cos(turn)).astype(np.float32)

    def process(self, planes: Planes) -> Planes:
        """Return (lines, n), late by two cells; allocates the output only."""
        out = np.empty_like(planes)
        done, n = 0, planes.shape[1]
        while done < n:
            count = min(CELL - self._filled, n - done)
            here = slice(self._filled, self._filled + count)
            out[:, done : done + count] = self._leaving[:, here]
            self._filling[:, here] = planes[:, done : done + count]
            self._filled += count
            done += count
            if self._filled == CELL:
                self._end_cell()
        return out

    def _end_cell(self) -> None:
        """Choose the gain of the cell just filled and finish the one before it."""
        power = cell_power(self._filling)
        gain = self._choose(power)
        node = min(self.gain, gain)
        if self._node == node == 1.0:
            self._leaving[:] = self._waiting
        else:
            curve = np.float32(self._node) + np.float32(node - self._node) * self._ramp
            np.multiply(self._waiting, curve, out=self._leaving)
            # What the cell was charged was an upper bound; now it is known.
            self._spent[-1] = cell_power(self._leaving)
        self._spent[:-1] = self._spent[1:]
        self._spent[-1] = gain * gain * power
        self._waiting, self._filling = self._filling, self._waiting
        self._node, self.gain = node, gain
        self.lowest_gain = min(self.lowest_gain, gain)
        self._filled = 0

    def _choose(self, power: float) -> float:
        """Return the gain of a cell of `power`."""
        self._fast += _FAST * (power - self._fast)
        self._slow += _SLOW * (power - self._slow)
        programme = max(self._fast, self._slow)
        # spent_last[m]: what the last m cells have spent.
        spent_last = np.concatenate([[0.0], np.cumsum(self._spent[::-1])])
        kept = spent_last[CELLS + 1 - np.arange(_SHORTEST, CELLS + 2)]
        even = ((1.0 - _RESERVE) * self._budget - kept) / self._horizons
        wanted = math.sqrt(max(0.0, even.min()) / programme) if programme > 0.0 else 1.0
        gain = min(1.0, max(wanted, self.gain * _FALL), self.gain * _RISE)
        left = max(0.0, self._budget - spent_last[CELLS])
        if gain * gain * power > left / 3.0:
            gain = math.sqrt(left / 3.0 / power)
        return gain

    def reset(self) -> None:
        """Forget the stream."""
        for store in (self._filling, self._waiting, self._leaving, self._spent):
            store[:] = 0.0
        self._filled = 0
        self._fast = self._slow = 0.0
        self._node = self.gain = self.lowest_gain = 1.0
