"""High-pass against DC and rumble, with the level trim folded in.

Butterworth, 12 dB per octave per order of two. A DC offset is gone entirely; what is left of a step
of it has died away after about 1 / corner_hz seconds. The trim costs nothing: it multiplies the
numerator of the first row.
"""

from __future__ import annotations

import numpy as np

from dsp.master import biquad


class HighPass(biquad.BiquadCascade):
    """Removes what lies below `corner_hz` (−3 dB there) and changes the level by `gain_db`."""

    def __init__(
        self,
        sample_rate_hz: float,
        channels: int,
        corner_hz: float,
        order: int = 2,
        gain_db: float = 0.0,
    ) -> None:
        rows = [
            biquad.high_pass(sample_rate_hz, corner_hz, q) for q in biquad.butterworth_qs(order)
        ]
        sections = np.vstack(rows)
        sections[0, :3] *= 10 ** (gain_db / 20)
        super().__init__(sections, channels)
