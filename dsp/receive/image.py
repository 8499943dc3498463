"""The mirror image of a capture: how unequal I and Q are, and by what to take it back.

A quadrature error of the receiver adds to every signal at +f a weak conjugate copy at -f:
z = x + b conj(x), b = gain error / 2 + j phase error / 2. Of a pair of bins at +f and -f that carry
independent signals the products Z(f) Z(-f) average to b (|X(f)|² + |X(-f)|²): b is their sum over
the sum of the powers, taken over the whole band and some seconds.

A station at the very centre is its own mirror and would be mistaken for an image; therefore pairs
nearer than `CENTRE_HZ` to the centre do not vote. Two bare carriers that mirror each other turn
against each other from transform to transform; so the standard error is taken from how much the
sums of single transforms differ. An estimate acts only where it is `CERTAIN` times that and above
`SMALLEST`; a perfect receiver is left alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready
from dsp.receive.channel_plan import BankPlan

CENTRE_HZ = 150_000.0
SMALLEST = 1e-3  # -60 dB, below the quantisation of eight bits
LARGEST = 0.2
CERTAIN = 6.0

_MEMORY_STEPS = 1_024  # half a minute at 2.4 MS/s

C64 = types.complex64
F64 = types.float64


@kernel(
    types.void(
        types.Array(C64, 1, "C", readonly=True),
        types.int64,
        types.int64,
        types.Array(F64, 1, "C"),
    ),
    # Sums in lanes; the order moves the estimate by far less than its own standard error.
    fastmath=frozenset({"contract", "reassoc"}),
)
def add_mirror_products(bins, first, last, tally):
    """Add for pairs first … last - 1 the sum of Z(f) Z(-f), of the powers; and |that sum|²."""
    block = bins.shape[0]
    re, im, power = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for j in range(first, last):
        up, down = bins[j], bins[block - j]
        a, b, c, d = up.real, up.imag, down.real, down.imag
        re += a * c - b * d
        im += a * d + b * c
        power += a * a + b * b + c * c + d * d
    tally[0] += re
    tally[1] += im
    tally[2] += power
    tally[3] += np.float64(re) * re + np.float64(im) * im


class ImageEstimate:
    """The image of one capture, from a few of its transforms."""

    def __init__(self, plan: BankPlan) -> None:
        """Choose the bins that vote."""
        ready(add_mirror_products)
        self._first = round(CENTRE_HZ / plan.bin_hz)
        self._last = round(0.45 * plan.block)
        self.reset()

    def reset(self) -> None:
        """Forget the capture."""
        self.value = 0j
        self._tally = np.zeros(4, np.float64)

    def add(self, bins: npt.NDArray[np.complex64]) -> None:
        """Look at the first row of `bins` (rows, block); `value` then holds for this step too."""
        if self._first + 50 > self._last:
            return
        tally = self._tally
        tally *= 1.0 - 1.0 / _MEMORY_STEPS
        add_mirror_products(bins[0], self._first, self._last, tally)
        if tally[2] <= 0.0:
            return
        value = complex(tally[0], tally[1]) / tally[2]
        error = np.sqrt(tally[3]) / tally[2]
        certain = max(SMALLEST, CERTAIN * error) < abs(value) < LARGEST
        self.value = value if certain else 0j
