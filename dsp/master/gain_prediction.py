"""What a limiter will do at a given gain, told from the peaks per millisecond alone.

The limiter's gain path (gain_path.py) run at one step per millisecond on the peak envelope of the
programme: a three-hour programme takes 50 ms, the audio is not touched. Good to about 0.05 dB in
loudness; the pass that follows measures the truth.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.kernel import kernel, ready

STEPS_PER_S = 1_000
CELL_STEPS = 10
_NOTHING = 1e-20  # a peak that no gain brings near a ceiling

PEAKS = types.Array(types.float32, 1, "C", readonly=True)
REALS_IN = types.Array(types.float64, 1, "C", readonly=True)
REALS = types.Array(types.float64, 1, "C")


@kernel(types.void(PEAKS, types.float64, types.float64, REALS_IN, REALS, REALS))
def predict_gain_power(
    room: npt.NDArray[np.float32],
    headroom: float,
    deep_gain: float,
    rates: npt.NDArray[np.float64],
    power: npt.NDArray[np.float64],
    steps_deep: npt.NDArray[np.float64],
) -> None:
    """Write the mean square of the limiter's gain per cell of ten steps to `power`.

    `room` is 1 / peak of each step, `headroom` is ceiling / gain: a step whose peak is higher than
    that is reduced. `steps_deep[0]` becomes the number of steps reduced to below `deep_gain`.
    """
    steps = room.shape[0]
    gain = 1.0
    slow = 1.0
    deep = 0
    for cell in range(power.shape[0]):
        stop = min(steps, (cell + 1) * CELL_STEPS)
        total = 0.0
        for k in range(cell * CELL_STEPS, stop):
            # Recovery to one, and a faster one up to the slow average: the larger of both.
            risen = rates[1] + gain * (1.0 - rates[1])
            risen = max(risen, risen + rates[0] * (slow - gain))
            gain = min(1.0, headroom * np.float64(room[k]), risen)
            slow += (rates[3] if gain < slow else rates[2]) * (gain - slow)
            deep += gain < deep_gain
            total += gain * gain
        power[cell] = total / (stop - cell * CELL_STEPS)
    steps_deep[0] = deep


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

    def __init__(
        self, peaks: npt.NDArray[np.float32], ceiling: float, release_s: tuple[float, float]
    ) -> None:
        ready(predict_gain_power)
        fast_s, slow_s = release_s
        self._rates = np.array(
            [1.0 - math.exp(-1.0 / (t * STEPS_PER_S)) for t in (fast_s, slow_s, slow_s, 0.15)]
        )
        # Look-ahead and hold: the gain is down over the neighbouring steps as well.
        held = peaks.copy()
        np.maximum(held[1:], peaks[:-1], out=held[1:])
        np.maximum(held[:-1], peaks[1:], out=held[:-1])
        np.maximum(held, np.float32(_NOTHING), out=held)
        self._room = np.divide(np.float32(1.0), held, out=held)
        self._ceiling = ceiling
        self.largest_peak = float(peaks.max())
        self._power = np.ones(-(-len(peaks) // CELL_STEPS))

    def at(self, gain: float, deep_db: float = 0.0) -> tuple[npt.NDArray[np.float64], float]:
        """Return the mean square of the limiter's gain per 10 ms, and its share of deep steps.

        The first is a view, valid until the next call; the second is the share of time in which
        more than `deep_db` is taken away.
        """
        if gain * self.largest_peak <= self._ceiling:
            self._power[:] = 1.0
            return self._power, 0.0
        deep = np.zeros(1)
        predict_gain_power(
            self._room,
            self._ceiling / gain,
            10.0 ** (-deep_db / 20.0),
            self._rates,
            self._power,
            deep,
        )
        return self._power, float(deep[0]) / len(self._room)
