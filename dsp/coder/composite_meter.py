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

from dsp.contract import Samples, require_samples
from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.master.mpx_power import WINDOW_S, MpxPower
from dsp.modulate.composite_rate import CompositeRate
from dsp.rds.shaping import PEAK_FORM_FACTOR

_CELL = COMPOSITE_RATE_HZ // 100
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


class CompositeMeter:
    """Measures a multiplex at 192 kHz, piece after piece; memory grows by 800 bytes a second."""

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
        self._cells: list[float] = []
        self._pilots: list[complex] = []
        self._subcarriers: list[float] = []
        self._rds: list[float] = []

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

    def _note_peak(self, piece: Samples) -> None:
        # The samples too: of the last eight the interpolator does not know what follows.
        self._peak = max(self._peak, float(piece.max()), -float(piece.min()))
        for start in range(0, len(piece), 8_192):
            raised = self._wave.process(piece[start : start + 8_192])
            if len(raised):
                self._peak = max(self._peak, float(raised.max()), -float(raised.min()))

    def _end_second(self) -> None:
        from scipy.fft import rfft  # noqa: PLC0415 - only where a multiplex is measured

        self._cells += _powers(self._second)
        lines = rfft(self._second * self._window)
        level = 2.0 / float(self._window.sum())
        self._pilots.append(level * complex(lines[_PILOT_BIN]))
        self._subcarriers.append(level * float(abs(lines[_SUBCARRIER_BIN])))
        energy = 2.0 * float(np.sum(np.abs(lines[_RDS_BINS]) ** 2))
        self._rds.append(energy / COMPOSITE_RATE_HZ / float(np.sum(self._window**2)))
        self._filled = 0

    def result(self) -> CompositeFigures:
        """End the stream and tell the figures."""
        cells = [*self._cells, *_powers(self._second[: self._filled])]
        power = MpxPower(audio_deviation_hz=FULL_SCALE_HZ, pilot_hz=0.0, rds_hz=0.0)
        largest = power.largest_dbr(np.array(cells)) if cells else -math.inf
        whole = bool(self._pilots)
        turns = np.angle(np.array(self._pilots[1:]) * np.conj(np.array(self._pilots[:-1])))
        pilot_hz = float(np.mean(np.abs(self._pilots))) * FULL_SCALE_HZ if whole else None
        heard = pilot_hz is not None and pilot_hz > 1.0 and len(turns) > 0
        residue = max(self._subcarriers) / self._rated if whole else 0.0
        rms = math.sqrt(max(0.0, float(np.mean(self._rds)))) if whole else 0.0
        return CompositeFigures(
            duration_s=self._samples / COMPOSITE_RATE_HZ,
            peak_deviation_hz=self._peak * FULL_SCALE_HZ,
            mpx_power_dbr=largest if largest > -100.0 else None,
            mpx_window_s=min(float(WINDOW_S), len(cells) / 100.0),
            pilot_hz=pilot_hz,
            pilot_frequency_hz=19_000.0 + float(np.mean(turns)) / (2 * math.pi) if heard else None,
            subcarrier_db=20.0 * math.log10(max(residue, 1e-9)) if whole else None,
            rds_hz=math.sqrt(2.0) * rms * PEAK_FORM_FACTOR * FULL_SCALE_HZ if whole else None,
        )


def _powers(samples: Samples) -> list[float]:
    """Mean square of every whole 10 ms."""
    whole = len(samples) // _CELL * _CELL
    cells = samples[:whole].reshape(-1, _CELL).astype(np.float64)
    return [float(value) for value in np.einsum("ij,ij->i", cells, cells) / _CELL]
