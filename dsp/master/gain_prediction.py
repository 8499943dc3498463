"""What a limiter will do at a given gain, told from the peaks per millisecond alone.

The limiter's gain path (gain_path.py) run at one step per millisecond on the peak envelope of the
programme; the audio is not touched. Good to about 0.05 dB in loudness; the pass that follows
measures the truth.

Every step waits for the one before, so sixteen parts of the programme run side by side. A part
begins 4 s early: the slow average (0.5 s) has forgotten its beginning to e^-8 by then, 0.003 dB.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.kernel import kernel, ready

STEPS_PER_S = 1_000
CELL_STEPS = 10
LANES = 16
RUN_IN_CELLS = 4 * STEPS_PER_S // CELL_STEPS
_NOTHING = 1e-20  # a peak that no gain brings near a ceiling

Series = npt.NDArray[np.float32]

TABLE_IN = types.Array(types.float32, 2, "C", readonly=True)
TABLE = types.Array(types.float32, 2, "C")
ROW = types.Array(types.float32, 1, "C")


@kernel(types.void(TABLE_IN, types.float32, ROW, TABLE, TABLE))
def predict_gain_power(room: Any, headroom: Any, rates: Any, state: Any, power: Any) -> None:
    """Write the mean square of the limiter's gain per cell of ten steps to `power` (cells, 16).

    `room` (steps, 16) is 1 / peak of each step, the run-in first; `headroom` is ceiling / gain: a
    step whose peak is higher than that is reduced. `rates` (4,) are those of a GainPath, `state`
    (2, 16) is scratch.
    """
    fast, slowly, rise, fall = rates[0], rates[1], rates[2], rates[3]
    keep = np.float32(1.0) - slowly
    state[:] = np.float32(1.0)
    cells = room.shape[0] // CELL_STEPS
    run_in = cells - power.shape[0]
    for cell in range(cells):
        steps = room[cell * CELL_STEPS : (cell + 1) * CELL_STEPS]
        means = power[max(cell - run_in, 0)]  # what the run-in writes is written over
        for lane in range(LANES):
            gain, slow = state[0, lane], state[1, lane]
            total = np.float32(0.0)
            for k in range(CELL_STEPS):
                # Recovery to one, and a faster one up to the slow average: the larger of both.
                risen = slowly + gain * keep
                risen = max(risen, risen + fast * (slow - gain))
                gain = min(headroom * steps[k, lane], np.float32(1.0), risen)
                slow += (fall if gain < slow else rise) * (gain - slow)
                total += gain * gain
            state[0, lane], state[1, lane] = gain, slow
            means[lane] = total * np.float32(1.0 / CELL_STEPS)


class GainPrediction:
    """Predicts a limiter's work on one programme for any gain ahead of it.

    Parameters
    ----------
    peaks
        Largest |sample| of the programme per millisecond, at a gain of one; float32, at least one.
    ceiling
        The limiter's ceiling as an amplitude.
    release_s
        The limiter's release times.
    """

    def __init__(self, peaks: Series, ceiling: float, release_s: tuple[float, float]) -> None:
        ready(predict_gain_power)
        fast_s, slow_s = release_s
        rates = [1.0 - math.exp(-1.0 / (t * STEPS_PER_S)) for t in (fast_s, slow_s, slow_s, 0.15)]
        self._rates = np.array(rates, np.float32)
        self._ceiling = ceiling
        self.largest_peak = float(peaks.max())
        self._cells = -(-len(peaks) // CELL_STEPS)
        part = -(-self._cells // LANES)
        self._room = _room_in_lanes(peaks, part * CELL_STEPS, RUN_IN_CELLS * CELL_STEPS)
        self._power = np.empty((part, LANES), np.float32)
        self._state = np.empty((2, LANES), np.float32)

    def at(self, gain: float, deep_db: float = 0.0) -> tuple[npt.NDArray[np.float64], float]:
        """Return the mean square of the limiter's gain per 10 ms, and its share of deep cells.

        The second is the share of time in which more than `deep_db` is taken away.
        """
        if gain * self.largest_peak <= self._ceiling:
            return np.ones(self._cells), 0.0
        headroom = np.float32(self._ceiling / gain)
        predict_gain_power(self._room, headroom, self._rates, self._state, self._power)
        power = self._power.T.astype(np.float64).reshape(-1)[: self._cells]
        return power, float(np.mean(power < 10.0 ** (-deep_db / 10.0)))


def _room_in_lanes(peaks: Series, part: int, run_in: int) -> Series:
    """Return 1 / peak, (run_in + part, 16); lane k begins `run_in` steps before step k * part.

    Look-ahead and hold: the gain is down over the neighbouring steps as well.
    """
    room = np.full((run_in + part, LANES), _NOTHING, np.float32)
    for lane in range(LANES):
        first, stop = lane * part - run_in, min((lane + 1) * part, len(peaks))
        begin = max(first, 0)
        for shift in (-1, 0, 1):
            low, high = max(begin, -shift), min(stop, len(peaks) - shift)
            if low < high:
                own = room[low - first : high - first, lane]
                np.maximum(own, peaks[low + shift : high + shift], out=own)
    return np.divide(np.float32(1.0), room, out=room)
