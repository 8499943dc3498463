"""IQ to a whole fraction of its rate: what the anti-alias filter of a slow capture does.

A linear-phase Kaiser low-pass, run only where a sample is kept: flat to 0.42 of the new rate, 80 dB
down from 0.58 on. What lies between folds back, as in a real receiver.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from dsp.contract import Iq, output_of, require_samples
from dsp.kernel import kernel, ready
from dsp.master.low_pass import design_low_pass

PASS_EDGE, STOP_EDGE = 0.42, 0.58
STOP_DB = 80.0
_LANES = 16

F32 = types.float32
PAIRS_IN = types.Array(F32, 1, "C", readonly=True)
PAIRS = types.Array(F32, 1, "C")


@kernel(
    types.void(PAIRS_IN, PAIRS_IN, types.int64, PAIRS),
    # Fused multiply-adds only; tests/dsp/modulate/test_decimator.py holds it to NumPy.
    fastmath=frozenset({"contract"}),
)
def decimate_pairs(pairs, doubled, factor, out):
    """Write sample m = Σ taps · pairs[m · factor …] to `out` (2n,), I and Q in turn.

    `doubled` holds every tap twice, for I and for Q; its length is a multiple of 16.
    """
    acc = np.empty(_LANES, np.float32)
    for m in range(out.shape[0] // 2):
        x = pairs[2 * m * factor : 2 * m * factor + doubled.shape[0]]
        acc[:] = 0.0
        for k in range(0, doubled.shape[0], _LANES):
            a, h = x[k : k + _LANES], doubled[k : k + _LANES]
            for i in range(_LANES):
                acc[i] += a[i] * h[i]
        real, imag = np.float32(0.0), np.float32(0.0)
        for i in range(0, _LANES, 2):
            real += acc[i]
            imag += acc[i + 1]
        out[2 * m], out[2 * m + 1] = real, imag


class IqDecimator:
    """Keeps one of `factor` samples of a filtered IQ stream: those whose index it divides.

    `delay_samples` counts at the new rate and is whole.
    """

    def __init__(self, factor: int) -> None:
        if not 1 <= factor <= 64:
            raise ValueError(f"factor: expected 1 … 64, got {factor}")
        ready(decimate_pairs)
        self.factor = factor
        taps = design_low_pass(PASS_EDGE / factor, STOP_EDGE / factor, STOP_DB)
        self.delay_samples = len(taps) // 2 // factor
        # Kept sample m is the middle tap over input (m - delay) · factor.
        self._past = self.delay_samples * factor + len(taps) // 2
        padded = np.zeros(-(-len(taps) // 8) * 8)
        padded[: len(taps)] = taps
        self._doubled = np.repeat(padded, 2).astype(np.float32)
        self._span = len(taps)
        self._begin()

    def _begin(self) -> None:
        self._line = np.zeros(self._past, np.complex64)

    def output_length(self, n: int) -> int:
        """Return how many samples the next `n` give."""
        spare = len(self._line) + n - self._span
        return max(0, spare // self.factor + 1)

    def process(self, iq: Iq, out: Iq | None = None) -> Iq:
        """Return the next samples, complex64; allocates the output and a copy of the input.

        Raises
        ------
        BlockContractError
            For anything but finite complex64 (n,); the state is as it was.
        """
        require_samples(iq, np.complex64)
        due = self.output_length(len(iq))
        target = output_of(due, np.complex64, out)
        known = len(self._line) + len(iq)
        line: Any = np.zeros(known + len(self._doubled) // 2 - self._span, np.complex64)
        line[: len(self._line)] = self._line
        line[len(self._line) : known] = iq
        decimate_pairs(line.view(np.float32), self._doubled, self.factor, target.view(np.float32))
        self._line = line[due * self.factor : known].copy()
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._begin()
