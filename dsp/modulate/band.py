"""Adding stations up to a band, each at its own level that may change from sample to sample."""

from __future__ import annotations

import numpy as np
from numba import types

from dsp.contract import Iq, require_samples
from dsp.kernel import kernel, ready

KNOT = 256

_PAIRS_IN = types.Array(types.float32, 1, "C", readonly=True)


@kernel(
    types.void(_PAIRS_IN, _PAIRS_IN, types.int64, types.float32[::1]),
    fastmath=frozenset({"contract"}),
)
def add_with_gain(pairs, gains, first, band):
    """Add `pairs` (2n,) times a complex gain to `band` (2n,).

    `gains` (2k,) are the gains at every 256th sample and linear between; sample 0 is `first`
    samples past the first of them.
    """
    count = pairs.shape[0] // 2
    n = 0
    place = first
    while n < count:
        knot, into = place // KNOT, place % KNOT
        real, imag = gains[2 * knot], gains[2 * knot + 1]
        real_step = (gains[2 * knot + 2] - real) * np.float32(1.0 / KNOT)
        imag_step = (gains[2 * knot + 3] - imag) * np.float32(1.0 / KNOT)
        size = min(KNOT - into, count - n)
        x = pairs[2 * n : 2 * (n + size)]
        y = band[2 * n : 2 * (n + size)]
        for k in range(size):
            a = real + np.float32(np.int32(into + k)) * real_step
            b = imag + np.float32(np.int32(into + k)) * imag_step
            y[2 * k] += a * x[2 * k] - b * x[2 * k + 1]
            y[2 * k + 1] += a * x[2 * k + 1] + b * x[2 * k]
        n += size
        place += size


class Band:
    """The sum of all stations over one stretch of the capture; complex64 (n,), used again.

    Gains are given at the multiples of `KNOT` samples of the capture, so that a station's level is
    a function of time alone, however the capture is cut.
    """

    def __init__(self) -> None:
        ready(add_with_gain)
        self._iq = np.zeros(0, np.complex64)
        self._begin = 0

    @property
    def iq(self) -> Iq:
        """The sum so far, complex64 (n,); valid until the next `start`."""
        return self._iq

    def start(self, begin: int, count: int) -> None:
        """Begin the stretch of `count` samples from index `begin` on: no station yet."""
        if len(self._iq) != count:
            self._iq = np.zeros(count, np.complex64)
        self._iq[:] = 0.0
        self._begin = begin

    def knots(self) -> range:
        """Indices at which `add` wants the gain: around and within the stretch."""
        first = self._begin // KNOT
        last = (self._begin + len(self._iq) + KNOT - 1) // KNOT
        return range(first * KNOT, last * KNOT + 1, KNOT)

    def add(self, iq: Iq, gains: Iq) -> None:
        """Add a station, complex64 (n,), with its complex `gains` at `knots()`.

        Raises
        ------
        BlockContractError
            For anything but finite complex64 of the length of the stretch.
        """
        require_samples(iq, np.complex64)
        if len(iq) != len(self._iq) or len(gains) != len(self.knots()):
            raise ValueError(
                f"iq, gains: expected {len(self._iq)} and {len(self.knots())}, "
                f"got {len(iq)} and {len(gains)}"
            )
        first = self._begin % KNOT
        add_with_gain(iq.view(np.float32), gains.view(np.float32), first, self._iq.view(np.float32))
