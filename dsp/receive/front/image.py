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
from dsp.lanes import LANES, load, splat, store
from dsp.receive.front.channel_plan import BankPlan
from dsp.receive.front.lane_transform import PLANE

CENTRE_HZ = 150_000.0
SMALLEST = 1e-3  # -60 dB, below the quantisation of eight bits
LARGEST = 0.2
CERTAIN = 6.0

_EVERY = 4  # steps; an image does not change from one to the next
_MEMORY_STEPS = 256  # of those looked at: half a minute at 2.4 MS/s
_LEAST_PAIRS = 50


@kernel(
    types.void(PLANE, PLANE, types.Array(types.int64, 2, "C", readonly=True), PLANE),
    fastmath=frozenset({"contract"}),
)
def add_mirror_products(re, im, pairs, sums):
    """Write per block: Re and Im of the sum of Z(f) Z(-f) over `pairs` of rows; sum of powers.

    `sums` (48,) holds sixteen of each.
    """
    x, y, power = splat(np.float32(0.0)), splat(np.float32(0.0)), splat(np.float32(0.0))
    for j in range(pairs.shape[0]):
        a, b = load(re, pairs[j, 0]), load(im, pairs[j, 0])
        c, d = load(re, pairs[j, 1]), load(im, pairs[j, 1])
        x = x + (a * c - b * d)
        y = y + (a * d + b * c)
        power = power + ((a * a + b * b) + (c * c + d * d))
    store(x, sums, 0)
    store(y, sums, LANES)
    store(power, sums, 2 * LANES)


class ImageEstimate:
    """The image of one capture, from some of its transforms."""

    def __init__(self, plan: BankPlan, places: npt.NDArray[np.int64]) -> None:
        """Choose the bins that vote; `places` are the rows of the transform by frequency."""
        ready(add_mirror_products)
        first, last = round(CENTRE_HZ / plan.bin_hz), round(0.45 * plan.block)
        bins = np.arange(first, last)
        self._pairs = LANES * np.stack([places[bins], places[-bins]], axis=1)
        self._sums = np.zeros(3 * LANES, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the capture."""
        self.value = 0j
        self._tally = np.zeros(4, np.float64)

    def add(self, step: int, re: npt.NDArray[np.float32], im: npt.NDArray[np.float32]) -> None:
        """Look at every fourth step; `value` then holds for this step too."""
        if step % _EVERY or len(self._pairs) < _LEAST_PAIRS:
            return
        add_mirror_products(re, im, self._pairs, self._sums)
        x, y, power = self._sums.astype(np.float64).reshape(3, LANES)
        tally = self._tally
        tally *= 1.0 - 1.0 / _MEMORY_STEPS
        tally += (x.sum(), y.sum(), power.sum(), (x * x + y * y).sum())
        if tally[2] <= 0.0:
            return
        value = complex(tally[0], tally[1]) / tally[2]
        error = np.sqrt(tally[3]) / tally[2]
        certain = max(SMALLEST, CERTAIN * error) < abs(value) < LARGEST
        self.value = value if certain else 0j
