"""The pilot tone: injection, frequency, presence, and the phase that stereo and RDS refer to.

BS.450-4: 19 kHz ± 2 Hz, 8 to 10 % of the rated deviation. One phasor every 25 ms (a Hann window of
27 ms, ± 55 Hz) is enough to follow ± 100 ppm of oscillator error: 0.3 rad from hop to hop. A batch
of ten hops is fitted by a straight line of phase: feed-forward, so there is no loop to lock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import FULL_SCALE_HZ, PILOT_HZ, RECEIVE_RATE_HZ
from dsp.receive.composite_filter import step_droop
from dsp.receive.figure import Figure
from dsp.receive.grid import BIN_HZ, HOP, HOPS, SEGMENT

HOP_S = HOP / RECEIVE_RATE_HZ
# From |X[k]| under the Hann window (a mean of 1/2) to the amplitude of a sine.
_AMPLITUDE = 4.0 / SEGMENT
LEAST_HZ = 800.0
_COHERENT = 0.9
# Noise bandwidth of the window: 1.5 bins.
_WINDOW_HZ = 1.5 * BIN_HZ
_READING_SHARE = 7e-5
_READING_HZ = 0.2

Phasors = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class PilotFit:
    """A line of phase through the phasors of a batch.

    The phase of hop h, `start_rad + h * step_rad`, is that of its bin 513: of the pilot's cosine at
    the middle of the segment, less half the turns of the bin.
    """

    amplitude_hz: float
    start_rad: float
    step_rad: float
    coherence: float

    @property
    def present(self) -> bool:
        """A steady line of 800 Hz or more."""
        return self.amplitude_hz >= LEAST_HZ and self.coherence >= _COHERENT

    @property
    def frequency_hz(self) -> float:
        """Frequency by the sample clock."""
        return PILOT_HZ + self.step_rad / (2.0 * math.pi * HOP_S)


def fit_pilot(phasors: Phasors, *, phase_step: bool = False) -> PilotFit:
    """Fit the phasors of a batch of hops.

    19 kHz makes 475 turns in a hop exactly, so what turns from hop to hop is the deviation from it.
    """
    index = np.arange(len(phasors))
    turned = phasors
    steps = np.sum(turned[1:] * np.conj(turned[:-1]))
    step = float(np.angle(steps))
    level = np.sum(turned * np.exp(-1j * step * index))
    # One correction by the slope of what is left: the steps alone use only neighbours.
    left = np.angle(turned * np.exp(-1j * (step * index + np.angle(level))))
    centred = index - index.mean()
    step += float(np.sum(left * centred) / np.sum(centred * centred))
    level = np.sum(turned * np.exp(-1j * step * index))
    size = float(np.sum(np.abs(phasors)))
    # A Hann window reads a line d bins beside its bin by sinc(d) / (1 - d²) lower.
    beside = step / (2.0 * math.pi * HOP_S) / BIN_HZ
    shape = float(np.sinc(beside)) / (1.0 - beside**2)
    droop = float(step_droop(np.array([PILOT_HZ]))[0]) if phase_step else 1.0
    amplitude = abs(level) / len(phasors) * _AMPLITUDE * FULL_SCALE_HZ / shape / droop
    return PilotFit(amplitude, float(np.angle(level)), step, abs(level) / max(size, 1e-30))


class PilotMeter:
    """Joins the fits of a second."""

    def __init__(self) -> None:
        self._fits: list[PilotFit] = []

    def add(self, fit: PilotFit) -> None:
        """Take the fit of a batch."""
        self._fits.append(fit)

    def second(self, n0_over_c: float) -> tuple[Figure, Figure, bool]:
        """Return injection in Hz, frequency in Hz and presence; begin another second.

        `n0_over_c` tells the noise that lies on the pilot.
        """
        fits, self._fits = self._fits, []
        density = n0_over_c * PILOT_HZ**2
        hops = HOPS * len(fits)
        amplitude = float(sum(fit.amplitude_hz for fit in fits) / len(fits))
        present = sum(fit.present for fit in fits) * 2 > len(fits)
        noise_hz = math.sqrt(2.0 * density * _WINDOW_HZ / hops)
        level = Figure(
            amplitude, 2.0 * math.hypot(noise_hz, _READING_SHARE * amplitude, _READING_HZ)
        )
        if not present:
            reason = "no pilot"
            return level.because(reason), Figure.missing(reason), False
        frequency = float(sum(fit.frequency_hz for fit in fits) / len(fits))
        # Slope of a line through ten phases, four such lines a second.
        phase_rad = math.sqrt(density * _WINDOW_HZ) / amplitude
        span = math.sqrt(HOPS * (HOPS**2 - 1) / 12.0)
        u_hz = 2.0 * phase_rad / (2.0 * math.pi * HOP_S * span * math.sqrt(len(fits)))
        return level, Figure(frequency, math.hypot(u_hz, 2e-4)), True

    def reset(self) -> None:
        """Forget the running second."""
        self._fits.clear()
