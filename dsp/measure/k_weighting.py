"""The K-weighting filter of Rec. ITU-R BS.1770-5, annex 1, at any sample rate.

A high shelf (the head, +4 dB above 1.7 kHz) and a high-pass (38 Hz). The standard prints the
coefficients for 48 kHz; the analogue prototype below gives them back to 14 digits and serves every
other rate.

The high-pass is run in *difference form*. With poles so near z = 1 the usual direct form loses
40 dB of float32; with the states a = t1 and b = t1 + t2 of the transposed direct form,

    z = y + a        a' = a + b - d·z        b' = b - e·z        d = 2 + c1,  e = 1 + c1 + c2

the small numbers d and e are stored at full relative precision, b stays small, and the rounding
noise falls to about -136 dB below the signal at the same number of operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_SHELF_HZ, _SHELF_GAIN_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_SHELF_BAND_POWER = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773


@dataclass(frozen=True)
class KWeighting:
    """Coefficients of both sections; the high-pass numerator is 1, -2, 1 as in the standard."""

    shelf_b: tuple[float, float, float]
    shelf_a: tuple[float, float]
    high_pass_a: tuple[float, float]
    damping: float
    stiffness: float

    def packed(self) -> npt.NDArray[np.float32]:
        """Shelf b0 b1 b2 a1 a2 and the high-pass d, e, as the lane kernel reads them."""
        values = (*self.shelf_b, *self.shelf_a, self.damping, self.stiffness)
        return np.array(values, dtype=np.float32)


def k_weighting(sample_rate_hz: float) -> KWeighting:
    """Design the two sections for `sample_rate_hz`."""
    k = math.tan(math.pi * _SHELF_HZ / sample_rate_hz)
    high = 10.0 ** (_SHELF_GAIN_DB / 20.0)
    band = high**_SHELF_BAND_POWER
    norm = 1.0 + k / _SHELF_Q + k * k
    shelf_b = (
        (high + band * k / _SHELF_Q + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - band * k / _SHELF_Q + k * k) / norm,
    )
    shelf_a = (2.0 * (k * k - 1.0) / norm, (1.0 - k / _SHELF_Q + k * k) / norm)
    k = math.tan(math.pi * _HIGH_PASS_HZ / sample_rate_hz)
    norm = 1.0 + k / _HIGH_PASS_Q + k * k
    high_pass_a = (2.0 * (k * k - 1.0) / norm, (1.0 - k / _HIGH_PASS_Q + k * k) / norm)
    # d = 2 + c1 and e = 1 + c1 + c2, written without the subtraction of nearly equal numbers.
    damping = 2.0 * (k / _HIGH_PASS_Q + 2.0 * k * k) / norm
    return KWeighting(shelf_b, shelf_a, high_pass_a, damping, 4.0 * k * k / norm)
