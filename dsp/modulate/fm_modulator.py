"""FM modulator: multiplex in, a carrier of constant amplitude out, its phase counted in integers.

The phase is a 64-bit integer in which a full turn is 2^64: it wraps by itself, never rounds, and a
carrier at a fixed offset is as exact after a year as at the start (an offset is rounded to 2^-64 of
the sample rate; 24 h at 2.4 MS/s make 6e-9 turns of that). Each sample turns the phase by deviation
/ rate, so that a discriminator, which measures just that turn, gives the multiplex back.

Sine and cosine come from the upper 32 bits: folded to a quarter turn by integer arithmetic, then an
odd polynomial of degree 9 whose own error is 4e-9; with float32 arithmetic the error is below 3e-7
(-130 dB). No table, no branch: the compiler does 8 or 16 at once.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import BlockContractError, Iq, Samples, output_of, require_samples
from dsp.fm.constants import FULL_SCALE_HZ
from dsp.kernel import inlined, kernel, ready

TURN = 1 << 64
_TILE = 512
_HALF_TURN = 9.223372036854775e18  # the largest float64 below 2^63
_QUARTER_BITS = np.uint32(1 << 30)
_HALF_BITS = np.uint32(1 << 31)

# sin(pi/2 t) / t in t², |t| <= 1; least squares on Chebyshev points, see the test.
S0 = np.float32(1.5707962899)
S1 = np.float32(-0.6459633582)
S2 = np.float32(0.0796884745)
S3 = np.float32(-0.0046722198)
S4 = np.float32(0.0001508169)

F32 = types.float32
SIGNAL_IN = types.Array(F32, 1, "C", readonly=True)
REALS_IN = types.Array(types.float64, 1, "C", readonly=True)
STATE = types.Array(types.uint64, 1, "C")
PAIRS = types.Array(F32, 1, "C")
_CONTRACT = frozenset({"contract"})


@inlined
def sine_of(angle: Any) -> Any:
    """Sine of a uint32 angle of which 2^32 are a turn."""
    # In the second and third quarter the two upper bits differ: mirror at a quarter turn.
    mirrored = np.int32(angle ^ (angle << np.uint32(1))) < 0
    folded = np.int32(_HALF_BITS - angle if mirrored else angle)
    t = np.float32(folded) * np.float32(2.0**-30)
    u = t * t
    return t * (S0 + u * (S1 + u * (S2 + u * (S3 + u * S4))))


@inlined
def _turn_tile(turns: Any, carrier: Any, state: Any, steps: Any, angles: Any) -> None:
    """Add up `turns` (n,) (float64) and the `carrier` per sample; write the upper 32 bits."""
    for i in range(turns.shape[0]):
        inside = turns[i] - np.rint(turns[i])
        # Half a turn is 2^63, one more than an int64 holds: convert half of it.
        steps[i] = np.int64(inside * _HALF_TURN) << np.int64(1)
    phase = state[0]
    for i in range(turns.shape[0]):
        phase = np.uint64(phase + np.uint64(steps[i]) + carrier)
        angles[i] = np.uint32(phase >> np.uint64(32))
    state[0] = phase


@inlined
def _write_tile(angles: Any, amplitude: Any, out: Any) -> None:
    """Write amplitude · (cos, sin) of `angles` (n,) to `out` (2n,)."""
    for i in range(angles.shape[0]):
        angle = angles[i]
        out[2 * i] = amplitude * sine_of(np.uint32(angle + _QUARTER_BITS))
        out[2 * i + 1] = amplitude * sine_of(angle)


@kernel(
    types.void(SIGNAL_IN, types.float64, types.uint64, F32, STATE, PAIRS),
    # Fused multiply-adds only; tests/dsp/modulate/test_fm_modulator.py holds it to exact phases.
    fastmath=_CONTRACT,
)
def modulate_steady(composite, turns_per_one, carrier, amplitude, state, out):
    """Write a carrier of fixed offset to `out` (2n,), I and Q in turn.

    `carrier` is the offset per sample, 2^64 a turn; `state[0]` the phase, carried.
    """
    turns = np.empty(_TILE, np.float64)
    steps = np.empty(_TILE, np.int64)
    angles = np.empty(_TILE, np.uint32)
    n = composite.shape[0]
    for start in range(0, n, _TILE):
        count = min(_TILE, n - start)
        for i in range(count):
            turns[i] = np.float64(composite[start + i]) * turns_per_one
        _turn_tile(turns[:count], carrier, state, steps, angles)
        _write_tile(angles[:count], amplitude, out[2 * start : 2 * (start + count)])


@kernel(
    types.void(SIGNAL_IN, types.float64, REALS_IN, types.float64, F32, STATE, PAIRS),
    # Fused multiply-adds only; tests/dsp/modulate/test_fm_modulator.py holds it to exact phases.
    fastmath=_CONTRACT,
)
def modulate_moving(composite, turns_per_one, offsets_hz, turns_per_hz, amplitude, state, out):
    """Do as `modulate_steady`, with an offset of its own for every sample."""
    turns = np.empty(_TILE, np.float64)
    steps = np.empty(_TILE, np.int64)
    angles = np.empty(_TILE, np.uint32)
    n = composite.shape[0]
    for start in range(0, n, _TILE):
        count = min(_TILE, n - start)
        for i in range(count):
            deviation = np.float64(composite[start + i]) * turns_per_one
            turns[i] = deviation + offsets_hz[start + i] * turns_per_hz
        _turn_tile(turns[:count], np.uint64(0), state, steps, angles)
        _write_tile(angles[:count], amplitude, out[2 * start : 2 * (start + count)])


class FmModulator:
    """Turns a multiplex into a modulated carrier at the same rate.

    Parameters
    ----------
    rate_hz
        Of the multiplex and of the IQ.
    offset_hz
        Of the carrier from the middle of the band, within half the rate.
    amplitude
        |z| of the carrier.

    Raises
    ------
    ValueError
        For an offset outside the band or an amplitude that is not a finite number from 0.
    """

    delay_samples = 0

    def __init__(self, rate_hz: int, offset_hz: float = 0.0, *, amplitude: float = 1.0) -> None:
        if rate_hz <= 0:
            raise ValueError(f"rate_hz: expected above 0, got {rate_hz}")
        if not 0.0 <= amplitude < 1e6:
            raise ValueError(f"amplitude: expected within [0, 1e6), got {amplitude}")
        ready(modulate_steady, modulate_moving)
        self.rate_hz = rate_hz
        self.amplitude = amplitude
        self.offset_hz = offset_hz
        self._carrier = self._step(offset_hz)
        self._state = np.zeros(1, np.uint64)

    @property
    def phase_turns(self) -> Fraction:
        """Phase of the last sample given, in turns from 0 to 1, exactly."""
        return Fraction(int(self._state[0]), TURN)

    def process(
        self,
        composite: Samples,
        out: Iq | None = None,
        *,
        offset_hz: float | npt.NDArray[np.float64] | None = None,
    ) -> Iq:
        """Return complex64 (n,) for a multiplex (n,), 1.0 = 100 kHz; allocates the output only.

        `offset_hz` replaces the offset for this piece: a number, or one for every sample, float64
        (n,). The phase runs on without a jump.

        Raises
        ------
        BlockContractError
            For anything but finite float32 (n,), and offsets that do not fit; nothing has changed.
        """
        require_samples(composite, np.float32)
        self.check_offset(offset_hz, len(composite))
        target = output_of(len(composite), np.complex64, out)
        pairs = target.view(np.float32)
        scale, amplitude = FULL_SCALE_HZ / self.rate_hz, np.float32(self.amplitude)
        if isinstance(offset_hz, np.ndarray):
            per_hz = 1.0 / self.rate_hz
            modulate_moving(composite, scale, offset_hz, per_hz, amplitude, self._state, pairs)
        else:
            carrier = self._carrier if offset_hz is None else self._step(offset_hz)
            modulate_steady(composite, scale, carrier, amplitude, self._state, pairs)
        return target

    def check_offset(self, offset_hz: float | npt.NDArray[np.float64] | None, count: int) -> None:
        """Raise BlockContractError unless `process` will take `offset_hz` with `count` samples."""
        limit_hz = self.rate_hz / 2
        if isinstance(offset_hz, np.ndarray):
            if offset_hz.dtype != np.float64 or offset_hz.shape != (count,):
                actual = f"{offset_hz.dtype} {offset_hz.shape}"
                raise BlockContractError("offset_hz", f"float64 ({count},)", actual)
            if not offset_hz.flags.c_contiguous:
                raise BlockContractError("offset_hz", "contiguous memory", str(offset_hz.strides))
            highest_hz = float(np.abs(offset_hz).max()) if count else 0.0
        else:
            highest_hz = abs(offset_hz or 0.0)
        if not highest_hz <= limit_hz:  # NaN fails it too
            raise BlockContractError("offset_hz", f"within ±{limit_hz:g}", f"{highest_hz:g}")

    def skip(self, samples: int) -> None:
        """Let the unmodulated carrier run on for so many samples, exactly."""
        phase = int(self._state[0]) + samples * int(self._carrier)
        self._state[0] = np.uint64(phase % TURN)

    def reset(self) -> None:
        """Begin again at phase 0."""
        self._state[0] = 0

    def _step(self, offset_hz: float) -> np.uint64:
        """Turn per sample of an offset."""
        if not abs(offset_hz) <= self.rate_hz / 2:
            raise ValueError(f"offset_hz: expected within ±{self.rate_hz / 2:g}, got {offset_hz:g}")
        return np.uint64(round(Fraction(offset_hz) / self.rate_hz * TURN) % TURN)
