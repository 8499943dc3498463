"""RDS injection by both conventions, and its phase against the pilot's third harmonic.

BS.643 and IEC 62106 (EN 50067 §1.3) give the level of RDS in two ways: the peak of the shaped
biphase signal, and the *unmodulated* carrier of the same power. They differ by the form factor of
the shaping (`dsp.rds.shaping`: the highest peak that any data can make); a meter that takes the rms
for the peak reads a third low. Power is summed from the spectrum over 57 ± 2.45 kHz less the noise
there, so no data need be decoded and no pilot is needed. The phase is half the phase of the mean of
z² (any ± data leave it), taken against three times the pilot's; it is known modulo 180°, and BS.643
wants 0° or 90° ± 10°.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.rds.shaping import PEAK_FORM_FACTOR
from dsp.receive.composite.composite_bank import RDS_REACH, density_scale
from dsp.receive.composite.composite_filter import step_droop
from dsp.receive.composite.grid import BIN_HZ, RDS_BIN
from dsp.receive.meters.figure import Figure

LEAST_HZ = 300.0
# Data are chance: the power of a second of biphase symbols varies by this share.
_DATA_SHARE = 1e-3
_NOISE_SHARE = 0.015
_BEAT_SHARE = 1.12
# The phase of the mean of z² is known better than that of its bits, and the noise beats with
# itself (scenes at C/N 15 to 40 dB).
_PHASE_SHARE = 0.78
_PHASE_NOISE = 0.75
_PHASE_DEG = 0.012


@dataclass(frozen=True)
class RdsPhasors:
    """Of every hop, the mean of z² about 57 kHz and the pilot, complex128 (hops,)."""

    squares: npt.NDArray[np.complex128]
    pilots: npt.NDArray[np.complex128]

    def mean(self) -> tuple[complex, float]:
        """Return the sum of z² against three times the pilot, twice; and how far hops agree."""
        unit = self.pilots / np.maximum(np.abs(self.pilots), 1e-30)
        phase = complex(self.squares @ (np.conj(unit) ** 6))
        return phase, abs(phase) / max(float(np.abs(self.squares).sum()), 1e-30)


class RdsLevel:
    """Reads injection and phase from a second's powers and phasors."""

    def __init__(self, *, phase_step: bool = False) -> None:
        reach = np.arange(RDS_BIN - RDS_REACH, RDS_BIN + RDS_REACH + 1)
        self._bins = slice(int(reach[0]), int(reach[-1]) + 1)
        droop = np.square(step_droop(reach * BIN_HZ)) if phase_step else np.ones(len(reach))
        self._scale = density_scale() * BIN_HZ / droop
        self._noise_hz2 = float(np.sum(np.square(reach * BIN_HZ)) * BIN_HZ)

    def read(
        self, powers: npt.NDArray[np.float64], phasors: RdsPhasors, n0_over_c: float, *, pilot: bool
    ) -> dict[str, Figure]:
        """Return `rds_hz` (peak), `rds_unmodulated_hz`, `rds_phase_deg` of a second.

        `powers` (BINS,) are its mean powers.
        """
        hops = len(phasors.pilots)
        noise_hz2 = n0_over_c * self._noise_hz2
        power_hz2 = float(powers[self._bins] @ self._scale) - noise_hz2
        # Independent values: bins times hops, two in three under a Hann window.
        values = hops * len(self._scale) / 1.5
        beat_hz2 = math.sqrt(2.0 * max(power_hz2, 0.0) * noise_hz2 / values)
        own_hz2 = noise_hz2 / math.sqrt(values)
        spread_hz2 = math.hypot(_BEAT_SHARE * beat_hz2, own_hz2, _NOISE_SHARE * noise_hz2)
        level = math.sqrt(2.0 * max(power_hz2, 0.0))
        u_hz = 2.0 * math.hypot(spread_hz2 / max(level, 100.0), _DATA_SHARE * level)
        if level < LEAST_HZ or power_hz2 < 3.0 * spread_hz2:
            reason = "no RDS"
            return {
                "rds_hz": Figure(PEAK_FORM_FACTOR * level, PEAK_FORM_FACTOR * u_hz, reason),
                "rds_unmodulated_hz": Figure(level, u_hz, reason),
                "rds_phase_deg": Figure.missing(reason),
            }
        found = {
            "rds_hz": Figure(PEAK_FORM_FACTOR * level, PEAK_FORM_FACTOR * u_hz),
            "rds_unmodulated_hz": Figure(level, u_hz),
        }
        if not pilot:
            return found | {"rds_phase_deg": Figure.missing("no pilot to refer to")}
        phase, share = phasors.mean()
        snr = power_hz2 / max(noise_hz2, 1e-9)
        bits = math.degrees(1.0 / math.sqrt(2.0 * snr * hops * 40.0))
        spread_deg = _PHASE_SHARE * bits * math.sqrt(1.0 + _PHASE_NOISE / snr)
        # Within [-45, 135): neither 0° nor 90°, where it should be, lies on the edge.
        degrees = math.degrees(0.5 * math.atan2(phase.imag, phase.real)) + 45.0
        degrees = degrees % 180.0 - 45.0
        u_deg = 2.0 * math.hypot(spread_deg, _PHASE_DEG)
        if share < 0.3:
            return found | {"rds_phase_deg": Figure(degrees, u_deg, "RDS not locked to the pilot")}
        return found | {"rds_phase_deg": Figure(degrees, u_deg)}
