"""The pilot tone: injection, frequency, presence, and the phase that stereo and RDS refer to.

BS.450-4: 19 kHz ± 2 Hz, 8 to 10 % of the rated deviation. One phasor every 25 ms (a Hann window of
27 ms, ± 55 Hz) is enough to follow ± 100 ppm of oscillator error: 0.3 rad from hop to hop. Each
quarter of a second is fitted by a straight line of phase: feed-forward, no loop to lock.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import FULL_SCALE_HZ, PILOT_HZ, RECEIVE_RATE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.composite_filter import step_droop
from dsp.receive.composite.grid import BIN_HZ, HOP, QUARTER_HOPS, SEGMENT
from dsp.receive.meters.figure import Figure

HOP_S = HOP / RECEIVE_RATE_HZ
# From |X[k]| under the Hann window (a mean of 1/2) to the amplitude of a sine.
_AMPLITUDE = 4.0 / SEGMENT
LEAST_HZ = 800.0
_COHERENT = 0.9
# Noise bandwidth of the window: 1.5 bins.
_WINDOW_HZ = 1.5 * BIN_HZ
_READING_SHARE = 7e-5
_READING_HZ = 0.2

_DROOP = float(step_droop(np.array([PILOT_HZ]))[0])

Phasors = npt.NDArray[np.complex128]
_PHASORS = types.Array(types.complex128, 1, "C", readonly=True)


@kernel(types.Tuple((types.complex128, types.float64, types.float64))(_PHASORS))
def fit_line(phasors: Any) -> Any:
    """Return the sum of `phasors` turned back along their line, its step, and the sum of sizes."""
    count = phasors.shape[0]
    steps = 0j
    for h in range(1, count):
        steps += phasors[h] * phasors[h - 1].conjugate()
    step = cmath.phase(steps)
    level = 0j
    for h in range(count):
        level += phasors[h] * cmath.exp(-1j * step * h)
    # One correction by the slope of what is left: the steps alone use only neighbours.
    towards = cmath.phase(level)
    middle = 0.5 * (count - 1)
    slope, spread = 0.0, 0.0
    for h in range(count):
        left = cmath.phase(phasors[h] * cmath.exp(-1j * (step * h + towards)))
        slope += left * (h - middle)
        spread += (h - middle) ** 2
    step += slope / spread
    level = 0j
    size = 0.0
    for h in range(count):
        level += phasors[h] * cmath.exp(-1j * step * h)
        size += abs(phasors[h])
    return level, step, size


@dataclass(frozen=True)
class PilotFit:
    """A line of phase through the phasors of a quarter of a second.

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
    """Fit the phasors of ten hops.

    19 kHz makes 475 turns in a hop exactly, so what turns from hop to hop is the deviation from it.
    """
    ready(fit_line)
    level, step, size = fit_line(phasors)
    # A Hann window reads a line d bins beside its bin by sinc(d) / (1 - d²) lower.
    beside = step / (2.0 * math.pi * HOP_S) / BIN_HZ
    shape = float(np.sinc(beside)) / (1.0 - beside**2)
    droop = _DROOP if phase_step else 1.0
    amplitude = abs(level) / len(phasors) * _AMPLITUDE * FULL_SCALE_HZ / shape / droop
    return PilotFit(amplitude, cmath.phase(level), step, abs(level) / max(size, 1e-30))


def fit_quarters(phasors: Phasors, *, phase_step: bool = False) -> list[PilotFit]:
    """Fit the phasors of a second, (HOPS,), quarter by quarter."""
    return [
        fit_pilot(phasors[first : first + QUARTER_HOPS], phase_step=phase_step)
        for first in range(0, len(phasors), QUARTER_HOPS)
    ]


def pilot_figures(fits: Sequence[PilotFit], n0_over_c: float) -> tuple[Figure, Figure, bool]:
    """Return injection in Hz, frequency in Hz and presence in a second of four `fits`.

    `n0_over_c` tells the noise that lies on the pilot.
    """
    density = n0_over_c * PILOT_HZ**2
    hops = QUARTER_HOPS * len(fits)
    amplitude = float(sum(fit.amplitude_hz for fit in fits) / len(fits))
    present = sum(fit.present for fit in fits) * 2 > len(fits)
    # Of noise beside a line, the half that is in phase with it counts.
    noise_hz = math.sqrt(density * _WINDOW_HZ / hops)
    level = Figure(amplitude, 2.0 * math.hypot(noise_hz, _READING_SHARE * amplitude, _READING_HZ))
    if not present:
        reason = "no pilot"
        return level.because(reason), Figure.missing(reason), False
    frequency = float(sum(fit.frequency_hz for fit in fits) / len(fits))
    # Slope of a line through ten phases, four such lines a second.
    phase_rad = math.sqrt(density * _WINDOW_HZ) / amplitude
    span = math.sqrt(QUARTER_HOPS * (QUARTER_HOPS**2 - 1) / 12.0)
    u_hz = 2.0 * phase_rad / (2.0 * math.pi * HOP_S * span * math.sqrt(len(fits)))
    return level, Figure(frequency, math.hypot(u_hz, 2e-4)), True
