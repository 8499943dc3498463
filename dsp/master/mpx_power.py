"""MPX power (Rec. ITU-R BS.412-9 §2.5.1), predicted from the audio that will drive the coder.

P = 10 lg { (2 / T) · ∫ (Δf / 19 kHz)² dt } dBr over T = 60 s, a uniform window in any position, of
the complete composite with pilot and RDS. Audio, pilot and RDS are uncorrelated: their powers add.
A pilot or RDS of peak deviation p counts p²/2, as a sine does.

A programme shorter than 60 s is judged over its own length: what comes before and after it on the
air is taken to be like it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.contract import Frames

WINDOW_S = 60
_REFERENCE_HZ = 19_000.0

Series = npt.NDArray[np.float64]


def mpx_power_dbr(mean_square_hz2: float) -> float:
    """MPX power of a mean square deviation in Hz²."""
    if mean_square_hz2 <= 0.0:
        return -math.inf
    return 10.0 * math.log10(2.0 * mean_square_hz2 / _REFERENCE_HZ**2)


def mean_square_hz2(power_dbr: float) -> float:
    """Mean square deviation in Hz² of an MPX power: the inverse of `mpx_power_dbr`."""
    return float(10.0 ** (power_dbr / 10.0) * _REFERENCE_HZ**2 / 2.0)


def multiplex_square(emphasised: Frames) -> npt.NDArray[np.float32]:
    """Power of the multiplex audio per sample, from pre-emphasised frames (n, 1) or (n, 2).

    Stereo is M + S · sin(38 kHz): the carrier halves the power of S.
    """
    if emphasised.shape[1] == 1:
        return np.square(emphasised[:, 0])
    middle = (emphasised[:, 0] + emphasised[:, 1]) * np.float32(0.5)
    side = (emphasised[:, 0] - emphasised[:, 1]) * np.float32(0.5)
    return np.square(middle) + np.float32(0.5) * np.square(side)


class MpxPower:
    """MPX power of a programme from the mean squares of its multiplex audio.

    Parameters
    ----------
    audio_deviation_hz
        Deviation of multiplex audio at 1.0: rated deviation less pilot and RDS.
    pilot_hz, rds_hz
        Their peak deviations.
    cells_per_s
        Rate of the series that are given.
    """

    def __init__(
        self, *, audio_deviation_hz: float, pilot_hz: float, rds_hz: float, cells_per_s: int = 100
    ) -> None:
        if audio_deviation_hz <= 0.0:
            raise ValueError(f"audio_deviation_hz: expected above 0, got {audio_deviation_hz}")
        self._scale = audio_deviation_hz**2
        self._constant = (pilot_hz**2 + rds_hz**2) / 2.0
        self._cells = WINDOW_S * cells_per_s

    def windows_dbr(self, mean_squares: Series) -> Series:
        """MPX power of every 60 s window; one value where the programme is shorter."""
        cells = min(self._cells, len(mean_squares))
        sums = np.concatenate([[0.0], np.cumsum(mean_squares)])
        means = (sums[cells:] - sums[:-cells]) / cells if cells else np.zeros(1)
        power = 2.0 * (np.maximum(means, 0.0) * self._scale + self._constant) / _REFERENCE_HZ**2
        return np.asarray(10.0 * np.log10(np.maximum(power, 1e-30)))

    def largest_dbr(self, mean_squares: Series) -> float:
        """Highest MPX power over any 60 s."""
        return float(self.windows_dbr(mean_squares).max())
