"""The RDS channel of a multiplex: 57 kHz mixed to zero and decimated from 288 to 12 kHz.

Mixing is folded into the taps: a real low-pass turned by 57 kHz becomes a complex band-pass, run
only where a sample is kept. What is left to do at 12 kHz is a turn by 57 000 / 12 000 = 4 3/4, that
is multiplication with a power of j, exact for ever. Phases are those of a carrier
cos(2π 57000 t) that is at zero on sample 0 of the stream.

The low-pass is flat to 2.4 kHz and 75 dB down from 9.6 kHz, the first band that would fold onto the
wanted one. Linear phase: an even shape about its middle.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import Samples, output_of, require_samples
from dsp.fm.constants import RDS_HZ, RECEIVE_RATE_HZ
from dsp.kernel import inlined, kernel, ready
from dsp.master.low_pass import design_low_pass
from dsp.receive.rds.shape import BASEBAND_RATE_HZ

DECIMATION: Final = RECEIVE_RATE_HZ // BASEBAND_RATE_HZ
_PASS_HZ: Final = 2_400.0
_STOP_HZ: Final = 9_600.0
_ATTENUATION_DB: Final = 75.0
_SLAB: Final = DECIMATION * 576 * 6

_F32 = types.Array(types.float32, 1, "C")
_TAPS = types.Array(types.float32, 2, "C", readonly=True)
_OUT = types.Array(types.complex64, 1, "C")


@inlined
def _turned(real: Any, imaginary: Any, quarter: Any) -> Any:
    """Return real + j imaginary turned by `quarter` times 90°."""
    if quarter == 0:
        return complex(real, imaginary)
    if quarter == 1:
        return complex(-imaginary, real)
    if quarter == 2:
        return complex(-real, -imaginary)
    return complex(imaginary, -real)


@kernel(
    types.int64(_F32, types.int64, _TAPS, types.int64, _OUT),
    # Sums in lanes, the same lanes for every output; held to the twin in tests/naive/rds.py.
    fastmath=frozenset({"reassoc", "contract", "nsz"}),
)
def decimate_band(window: Any, count: Any, taps: Any, quarter: Any, out: Any) -> Any:
    """Write `count` outputs from `window`, 24 samples apart; return the new turn.

    `taps` (2, m) are real and imaginary part in order of correlation; `quarter` counts the turns by
    90° modulo 4. Two outputs at a time share the taps, so `window` must hold one more than asked
    for. Rate of the loop: 6 kHz.
    """
    length = taps.shape[1]
    one, other = taps[0], taps[1]
    for m in range(0, count, 2):
        p = window[m * DECIMATION : m * DECIMATION + length]
        q = window[(m + 1) * DECIMATION : (m + 1) * DECIMATION + length]
        p_re = p_im = q_re = q_im = np.float32(0.0)
        for k in range(length):
            a, b = one[k], other[k]
            p_re += a * p[k]
            p_im += b * p[k]
            q_re += a * q[k]
            q_im += b * q[k]
        # Minus 4 3/4 turns a sample is plus a quarter.
        out[m] = _turned(p_re, p_im, (quarter + m) & 3)
        if m + 1 < count:
            out[m + 1] = _turned(q_re, q_im, (quarter + m + 1) & 3)
    return (quarter + count) & 3


def _band_taps() -> npt.NDArray[np.float32]:
    """Return the taps, with zeros in front up to whole lanes and a delay of whole outputs."""
    low_pass = design_low_pass(
        _PASS_HZ / RECEIVE_RATE_HZ, _STOP_HZ / RECEIVE_RATE_HZ, _ATTENUATION_DB
    )
    half = len(low_pass) // 2
    turn = 2.0 * np.pi * RDS_HZ / RECEIVE_RATE_HZ * (np.arange(len(low_pass)) - half)
    # A carrier of amplitude a has a / 2 on this side of the spectrum.
    band = 2.0 * low_pass * np.exp(-1j * turn)
    after = -(-half // DECIMATION) * DECIMATION  # taps after the middle one
    before = after - 1  # 48 k taps in all: whole lanes
    taps = np.zeros((2, before + 1 + after), np.float32)
    taps[0, before - half : before + half + 1] = band.real
    taps[1, before - half : before + half + 1] = band.imag
    return taps


class RdsBaseband:
    """Takes the 57 kHz channel out of a multiplex, block after block, without a seam.

    float32 in, complex64 out, one for 24; output m belongs to input 24 (m - delay_samples).
    """

    def __init__(self) -> None:
        ready(decimate_band)
        self._taps = _band_taps()
        self.delay_samples = self._taps.shape[1] // 2 // DECIMATION
        self._window = np.zeros(self._taps.shape[1] + 2 * DECIMATION + _SLAB, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._window[:] = 0.0
        self._held = self._taps.shape[1] - 1  # zeros before the first sample
        self._quarter = -self.delay_samples & 3

    def output_length(self, samples: int) -> int:
        """Return how many outputs the next `samples` inputs will give."""
        have = self._held + samples - self._taps.shape[1]
        return have // DECIMATION + 1 if have >= 0 else 0

    def process(
        self, samples: Samples, out: npt.NDArray[np.complex64] | None = None
    ) -> npt.NDArray[np.complex64]:
        """Return complex64 baseband of float32 (n,) multiplex; allocates the output only."""
        require_samples(samples, np.float32)
        target: npt.NDArray[np.complex64] = output_of(
            self.output_length(len(samples)), np.complex64, out
        )
        self.advance(samples, target)
        return target

    def advance(self, samples: Samples, target: npt.NDArray[np.complex64]) -> None:
        """Do what `process` does with samples and a `target` that are known to be good."""
        written = 0
        for start in range(0, len(samples), _SLAB):
            piece = samples[start : start + _SLAB]
            count = self.output_length(len(piece))
            end = self._held + len(piece)
            self._window[self._held : end] = piece
            self._quarter = decimate_band(
                self._window, count, self._taps, self._quarter, target[written : written + count]
            )
            written += count
            used = count * DECIMATION
            self._held = end - used
            self._window[: self._held] = self._window[used:end].copy()
