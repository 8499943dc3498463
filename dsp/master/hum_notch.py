"""Notches at the mains frequency and its harmonics, for recordings that were found to hum.

Every notch has the same width in hertz: wide enough for the mains to wander (a hum 0.5 Hz off is
still 12 dB down), narrow enough to leave the voice alone.
"""

from __future__ import annotations

import numpy as np

from dsp.master import biquad


class HumNotch(biquad.BiquadCascade):
    """Takes out `fundamental_hz` and its harmonics up to the number `harmonics`."""

    def __init__(
        self,
        sample_rate_hz: float,
        channels: int,
        fundamental_hz: float = 50.0,
        harmonics: int = 6,
        width_hz: float = 4.0,
    ) -> None:
        if harmonics < 1:
            raise ValueError(f"harmonics: expected 1 or more, got {harmonics}")
        rows = [
            biquad.notch(sample_rate_hz, k * fundamental_hz, k * fundamental_hz / width_hz)
            for k in range(1, harmonics + 1)
            if k * fundamental_hz < 0.45 * sample_rate_hz
        ]
        super().__init__(np.vstack(rows), channels)
