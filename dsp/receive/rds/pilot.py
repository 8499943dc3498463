"""The phase of the 19 kHz pilot over each hop of the RDS demodulator.

Sums over one millisecond (19 whole cycles in 288 samples; zeros at every whole kilohertz from the
pilot), then a raised-cosine window over the 48 of a hop: audio at 15 kHz and the stereo side band
from 23 kHz on are more than 90 dB down.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import types

from dsp.contract import Samples
from dsp.fm.constants import PILOT_HZ, RECEIVE_RATE_HZ
from dsp.kernel import kernel, ready

PERIOD: Final = RECEIVE_RATE_HZ // 1_000
SUMS_PER_HOP: Final = 48
PILOT_HOP: Final = PERIOD * SUMS_PER_HOP
HOPS_KEPT: Final = 16

_F32 = types.Array(types.float32, 1, "C", readonly=True)
_C128 = types.Array(types.complex128, 1, "C")
_F32_2 = types.Array(types.float32, 2, "C", readonly=True)


@kernel(
    types.int64(_F32, _F32_2, types.int64, _C128),
    # Sums in lanes; held to the twin in tests/naive/rds.py.
    fastmath=frozenset({"reassoc", "contract", "nsz"}),
)
def correlate_pilot(samples: Any, waves: Any, taken: Any, sums: Any) -> Any:
    """Add `samples` times `waves` (2, 288) to the ring `sums`, a slot a millisecond.

    `taken` samples came before; returns their new number.
    """
    start = 0
    while start < samples.shape[0]:
        inside = taken % PERIOD
        piece = samples[start : start + PERIOD - inside]
        one, other = waves[0, inside:], waves[1, inside:]
        real = np.float32(0.0)
        imaginary = np.float32(0.0)
        for n in range(piece.shape[0]):
            real += piece[n] * one[n]
            imaginary += piece[n] * other[n]
        slot = taken // PERIOD % sums.shape[0]
        if inside == 0:
            sums[slot] = 0.0
        sums[slot] += complex(real, imaginary)
        taken += piece.shape[0]
        start += piece.shape[0]
    return taken


class PilotPhase:
    """Keeps the complex amplitude of the pilot for the last hops.

    Attributes
    ----------
    sums
        complex128 (HOPS_KEPT · 48,): ring of the sums, a slot a millisecond.
    window
        float64 (48,): what goes over the sums of a hop to make its amplitude.
    """

    def __init__(self) -> None:
        ready(correlate_pilot)
        turn = 2.0 * np.pi * PILOT_HZ / RECEIVE_RATE_HZ * np.arange(PERIOD)
        self._waves = np.stack([np.cos(turn), -np.sin(turn)]).astype(np.float32)
        window = 1.0 - np.cos(2.0 * np.pi * (np.arange(SUMS_PER_HOP) + 0.5) / SUMS_PER_HOP)
        # A carrier of amplitude a gives sums of a / 2 · 288.
        self.window = window * 2.0 / (window.sum() * PERIOD)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._taken = 0
        self.sums = np.zeros(HOPS_KEPT * SUMS_PER_HOP, np.complex128)

    def process(self, samples: Samples) -> None:
        """Take float32 (n,) multiplex."""
        self._taken = correlate_pilot(samples, self._waves, self._taken, self.sums)

    def at_hop(self, hop: int) -> complex:
        """Return the complex amplitude in the middle of hop number `hop` (of the last fifteen)."""
        slot = hop % HOPS_KEPT * SUMS_PER_HOP
        return complex(np.dot(self.sums[slot : slot + SUMS_PER_HOP], self.window))
