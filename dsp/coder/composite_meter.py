"""What is in a multiplex that we made: peak deviation, MPX power, pilot, RDS.

A check on our own output, at the coder's side of the house: it knows the sample index, so that
pilot and RDS are read without any loop. (The receiver's meters are others, and share nothing with
this.) Power is taken per 10 ms; carriers are read from the spectrum of whole seconds, in which
every line of the pilot system falls on a bin; the peak is that of the wave, 16 times oversampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples, require_samples
from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.master.mpx_power import WINDOW_S, mpx_power_dbr
from dsp.modulate.composite_rate import CompositeRate
from dsp.rds.shaping import PEAK_FORM_FACTOR

_CELL = COMPOSITE_RATE_HZ // 100
_WINDOW_CELLS = 100 * WINDOW_S
_PILOT_BIN, _SUBCARRIER_BIN = 19_000, 38_000
_RDS_BINS = slice(54_600, 59_401)
_WAVE_RATE_HZ = 16 * COMPOSITE_RATE_HZ


@dataclass(frozen=True)
class CompositeFigures:
    """What was measured. None where less than a second was there to measure.

    Attributes
    ----------
    duration_s
        Of the multiplex.
    peak_deviation_hz
        Largest |deviation| of the wave, also between the samples.
    mpx_power_dbr
        Highest over any 60 s, or over the whole where it is shorter: `mpx_window_s`.
    pilot_hz, pilot_frequency_hz
        Deviation of the pilot (mean over the seconds), and its frequency.
    subcarrier_db
        What is left of 38 kHz, relative to the peak deviation given as rated.
    mean_hz
        Mean deviation: a DC offset of the audio, by which the carrier stands off its frequency.
    rds_hz
        Peak deviation of RDS: √2 · RMS · the form factor of its shaping.
    """

    duration_s: float
    peak_deviation_hz: float
    mpx_power_dbr: float | None
    mpx_window_s: float
    pilot_hz: float | None
    pilot_frequency_hz: float | None
    subcarrier_db: float | None
    rds_hz: float | None
    mean_hz: float


class _LargestPower:
    """Largest mean square over 60 s in steps of 10 ms; over the whole where it is shorter."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.float64] = np.empty(0)  # at most the cells of one window
        self._largest = 0.0
        self.cells = 0

    def take(self, cells: npt.NDArray[np.float64]) -> None:
        """Take the next mean squares (n,)."""
        line = np.concatenate([self._last, cells])
        if len(line) >= _WINDOW_CELLS:
            sums = np.concatenate([[0.0], np.cumsum(line)])
            windows = sums[_WINDOW_CELLS:] - sums[:-_WINDOW_CELLS]
            self._largest = max(self._largest, float(windows.max()) / _WINDOW_CELLS)
        self._last = line[-_WINDOW_CELLS:]
        self.cells += len(cells)

    def largest_dbr(self) -> float:
        """MPX power of the largest."""
        short = self.cells < _WINDOW_CELLS
        mean = float(self._last.mean()) if short and self.cells else self._largest
        return mpx_power_dbr(mean * FULL_SCALE_HZ**2)


class _Lines:
    """Sums over the seconds of what their spectra say."""

    def __init__(self) -> None:
        self.seconds = 0
        self.pilot = self.rds_power = self.subcarrier = self.turns = 0.0
        self._before = 0j

    def take(self, pilot: complex, subcarrier: float, rds_power: float) -> None:
        """Take the lines of one second."""
        if self.seconds:
            self.turns += float(np.angle(pilot * np.conj(self._before)))
        self._before = pilot
        self.seconds += 1
        self.pilot += abs(pilot)
        self.rds_power += rds_power
        self.subcarrier = max(self.subcarrier, subcarrier)


class CompositeMeter:
    """Measures a multiplex at 192 kHz, piece after piece; memory is that of 60 s of cells."""

    def __init__(self, rated_deviation_hz: float) -> None:
        self._rated = rated_deviation_hz / FULL_SCALE_HZ
        self._wave = CompositeRate(_WAVE_RATE_HZ)
        self._second = np.zeros(COMPOSITE_RATE_HZ, np.float32)
        # Hann: the audio of a second that begins and ends anywhere must not leak to the pilot.
        self._window = 0.5 - 0.5 * np.cos(
            2.0 * np.pi * np.arange(COMPOSITE_RATE_HZ) / COMPOSITE_RATE_HZ
        )
        self._filled = 0
        self._samples = 0
        self._peak = 0.0
        self._sum = 0.0
        self._power = _LargestPower()
        self._lines = _Lines()

    def process(self, composite: Samples) -> None:
        """Take the next samples, float32 (n,), 1.0 = 100 kHz.

        Raises
        ------
        BlockContractError
            For anything but finite float32 (n,); nothing has changed then.
        """
        require_samples(composite, np.float32)
        done = 0
        while done < len(composite):
            count = min(len(composite) - done, COMPOSITE_RATE_HZ - self._filled)
            piece = composite[done : done + count]
            self._second[self._filled : self._filled + count] = piece
            self._note_peak(piece)
            self._filled += count
            done += count
            if self._filled == COMPOSITE_RATE_HZ:
                self._end_second()
        self._samples += len(composite)
        self._sum += float(np.sum(composite, dtype=np.float64))

    def _note_peak(self, piece: Samples) -> None:
        # The samples too: of the last eight the interpolator does not know what follows.
        self._peak = max(self._peak, float(piece.max()), -float(piece.min()))
        for start in range(0, len(piece), 8_192):
            raised = self._wave.process(piece[start : start + 8_192])
            if len(raised):
                self._peak = max(self._peak, float(raised.max()), -float(raised.min()))

    def _end_second(self) -> None:
        from scipy.fft import rfft  # noqa: PLC0415 - only where a multiplex is measured

        self._power.take(_powers(self._second))
        lines = rfft(self._second * self._window)
        level = 2.0 / float(self._window.sum())
        energy = 2.0 * float(np.sum(np.abs(lines[_RDS_BINS]) ** 2))
        self._lines.take(
            level * complex(lines[_PILOT_BIN]),
            level * float(abs(lines[_SUBCARRIER_BIN])),
            energy / COMPOSITE_RATE_HZ / float(np.sum(self._window**2)),
        )
        self._filled = 0

    def result(self) -> CompositeFigures:
        """End the stream and tell the figures."""
        self._power.take(_powers(self._second[: self._filled]))
        largest, cells, lines = self._power.largest_dbr(), self._power.cells, self._lines
        pilot_hz = subcarrier_db = rds_hz = frequency_hz = None
        if lines.seconds:
            pilot_hz = lines.pilot / lines.seconds * FULL_SCALE_HZ
            subcarrier_db = 20.0 * math.log10(max(lines.subcarrier / self._rated, 1e-9))
            rms = math.sqrt(lines.rds_power / lines.seconds)
            rds_hz = math.sqrt(2.0) * rms * PEAK_FORM_FACTOR * FULL_SCALE_HZ
            if lines.seconds > 1 and pilot_hz > 1.0:
                frequency_hz = 19_000.0 + lines.turns / (lines.seconds - 1) / (2.0 * math.pi)
        return CompositeFigures(
            duration_s=self._samples / COMPOSITE_RATE_HZ,
            peak_deviation_hz=self._peak * FULL_SCALE_HZ,
            mean_hz=self._sum / max(1, self._samples) * FULL_SCALE_HZ,
            mpx_power_dbr=largest if largest > -100.0 else None,
            mpx_window_s=min(float(WINDOW_S), cells / 100.0),
            pilot_hz=pilot_hz,
            pilot_frequency_hz=frequency_hz,
            subcarrier_db=subcarrier_db,
            rds_hz=rds_hz,
        )


def _powers(samples: Samples) -> npt.NDArray[np.float64]:
    """Mean square of every whole 10 ms."""
    whole = len(samples) // _CELL * _CELL
    cells = samples[:whole].reshape(-1, _CELL).astype(np.float64)
    return np.asarray(np.einsum("ij,ij->i", cells, cells) / _CELL)
