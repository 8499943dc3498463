"""RDS waveform: source bits in, shaped biphase on the 57 kHz subcarrier out.

Idea: 57 kHz is 48 times the bit rate, so one integer, the place of a sample within its bit, gives
the phase of the bit clock and of the subcarrier together. At 192 kHz a bit has 161.68… samples, but
19 bits have exactly 3072: a table over these 3072 places holds the pulse of a bit, shaped by
cos(pi f td / 4) up to 2375 Hz (IEC 62106 clause 4.6, given in closed form below) and already on the
subcarrier, for the bit itself and its seven neighbours on either side. A sample is the sum of
fifteen table entries with the signs of fifteen bits. Nothing is accumulated, so nothing drifts.

The pulse decays with the cube of time; it is faded out between 3.75 and 7.5 bits, which moves no
sample by more than 3e-4 of the peak (tests/dsp/coder/test_rds_waveform.py holds it to a twin with
the ideal filter).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.coder.rds_blocks import encode_differentially
from dsp.contract import BlockContractError, Samples
from dsp.kernel import kernel, ready
from dsp.rds.shaping import (
    BIT_RATE_DENOMINATOR,
    BIT_RATE_NUMERATOR,
    PEAK_FORM_FACTOR,
    SUBCARRIER_CYCLES_PER_BIT,
)

#: Bits before and after the present one that still sound.
NEIGHBOURS = 7
TAPS = 2 * NEIGHBOURS + 1
_HALF_SPAN = NEIGHBOURS + 0.5
#: Largest table, 1 MB: rates that share few factors with the bit rate are refused.
_MOST_PLACES = 16_384

_ROW = types.Array(types.float32, 1, "C")
_SYMBOLS = types.Array(types.float32, 1, "C", readonly=True)
_TABLE = types.Array(types.float32, 3, "C", readonly=True)


class BitSource(Protocol):
    """Whatever gives source bits, before differential encoding."""

    def next_bits(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the next `count` bits, uint8 of 0 and 1."""


@kernel(types.void(_SYMBOLS, _TABLE, types.int64, types.int64, types.int64, types.int64, _ROW))
def sum_pulses(symbols, table, start, skip, step, period, out):
    """Fill `out` (n,) with pulses of the signs `symbols`.

    `table` is (step, TAPS, samples of the longest bit). Bit m sounds with symbols[m : m + TAPS].
    `start` is the first place of the first bit, in 1 / period of a bit; `skip` samples of that bit
    are behind us. Each sample is summed in the order of the taps, wherever the stream is cut.
    """
    done = 0
    bit = 0
    while done < out.shape[0]:
        count = (period - start + step - 1) // step
        take = min(count - skip, out.shape[0] - done)
        target = out[done : done + take]
        for i in range(take):
            target[i] = 0.0
        for k in range(0, TAPS, 5):
            s0, s1, s2 = symbols[bit + k], symbols[bit + k + 1], symbols[bit + k + 2]
            s3, s4 = symbols[bit + k + 3], symbols[bit + k + 4]
            t0 = table[start, k, skip : skip + take]
            t1 = table[start, k + 1, skip : skip + take]
            t2 = table[start, k + 2, skip : skip + take]
            t3 = table[start, k + 3, skip : skip + take]
            t4 = table[start, k + 4, skip : skip + take]
            for i in range(take):
                low = target[i] + s0 * t0[i] + s1 * t1[i]
                target[i] = low + s2 * t2[i] + s3 * t3[i] + s4 * t4[i]
        done += take
        bit += 1
        start += count * step - period
        skip = 0


def _filtered_impulse(bits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Impulse response of cos(pi f td / 4), |f| < 2 / td, at times in bits; 4 / pi at 0.

    The transform of the half cosine: (4 / pi) cos(4 pi u) / (1 - 64 u²), 1 at |u| = 1/8.
    """
    below = 1.0 - 64.0 * bits * bits
    pole = np.abs(below) < 1e-9
    wave = 4.0 / math.pi * np.cos(4.0 * math.pi * bits) / np.where(pole, 1.0, below)
    return np.where(pole, 1.0, wave)


def shaped_pulse(bits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the shaped waveform of one bit 1 at times in bits from its middle; power 1 per bit."""
    ideal = _filtered_impulse(bits + 0.25) - _filtered_impulse(bits - 0.25)
    fade = np.clip(2.0 * np.abs(bits) / _HALF_SPAN - 1.0, 0.0, 1.0)
    return np.asarray(ideal * np.cos(0.5 * math.pi * fade) ** 2)


def _places(rate_hz: int) -> tuple[int, int]:
    """Return (step, period): a sample moves on by step / period of a bit, in lowest terms."""
    denominator = BIT_RATE_DENOMINATOR * rate_hz
    shared = math.gcd(BIT_RATE_NUMERATOR, denominator)
    return BIT_RATE_NUMERATOR // shared, denominator // shared


def _pulse_table(step: int, period: int, phase_deg: float) -> npt.NDArray[np.float32]:
    """Return the table of `sum_pulses`, float32 (step, TAPS, longest); no sum exceeds 1."""
    longest = -(-period // step)
    place = np.arange(step)[:, None] + step * np.arange(longest)[None, :]
    # A bit that begins late has one sample less than the longest: that entry is never read.
    inside = (place < period)[:, None, :]
    in_bit = place / period
    # Tap k is bit k - NEIGHBOURS from here: the earliest bit is far past its middle.
    away = in_bit[:, None, :] - 0.5 - (np.arange(TAPS) - NEIGHBOURS)[None, :, None]
    pulses = np.where(inside, shaped_pulse(away), 0.0)
    turns = SUBCARRIER_CYCLES_PER_BIT * place % period / period
    carrier = np.sin(2.0 * math.pi * turns + math.radians(phase_deg))
    return np.asarray(pulses / PEAK_FORM_FACTOR * carrier[:, None, :]).astype(np.float32)


class RdsWaveform:
    """The RDS signal of one transmitter, piece after piece.

    Bit m sounds from m / 1187.5 s on: no delay. The subcarrier is sin(2 pi 57 000 t + phase), t
    counted from sample 0, so that phase 0 is in phase with the third harmonic of a pilot
    sin(2 pi 19 000 t).

    Parameters
    ----------
    rate_hz
        Of the composite. 192 000, 288 000 and other rates that share factors with 57 kHz.
    phase_deg
        Of the subcarrier against the third harmonic of the pilot; the standard allows 0 and 90.
    peak
        Highest value of the shaped waveform over all bits (`dsp.rds.shaping`): 0.02 is a level of
        2 kHz where 1.0 is 100 kHz. The power is (peak / PEAK_FORM_FACTOR)² / 2.

    Raises
    ------
    ValueError
        For a rate whose table would be too long or that cannot hold 57 kHz, and for a peak or phase
        that is not a finite number.
    """

    delay_samples = 0

    def __init__(self, rate_hz: int = 192_000, phase_deg: float = 0.0, peak: float = 1.0) -> None:
        if int(rate_hz) != rate_hz or not 120_000 <= rate_hz <= 10_000_000:
            raise ValueError(f"rate_hz: expected a whole number from 120000, got {rate_hz}")
        self._step, self._period = _places(int(rate_hz))
        if self._period > _MOST_PLACES:
            raise ValueError(
                "rate_hz: expected a rate that repeats with the bit clock within "
                f"{_MOST_PLACES} samples, got {rate_hz} ({self._period})"
            )
        if not math.isfinite(phase_deg):
            raise ValueError(f"phase_deg: expected a finite angle, got {phase_deg}")
        if not (math.isfinite(peak) and peak >= 0.0):
            raise ValueError(f"peak: expected a finite level from 0, got {peak}")
        ready(sum_pulses)
        self.rate_hz = int(rate_hz)
        self.peak = float(peak)
        self._table = _pulse_table(self._step, self._period, phase_deg)
        self.reset()

    def reset(self) -> None:
        """Go back to sample 0, with silence before the first bit; the bit source is not touched."""
        self.position = 0
        self._state = 0
        # Signs from bit (that of `position`) - NEIGHBOURS on; none before the first.
        self._symbols = np.zeros(NEIGHBOURS, np.float32)

    def next(self, count: int, bits: BitSource, out: Samples | None = None) -> Samples:
        """Return the next `count` samples, float32 (count,), asking `bits` for what they need.

        Up to seven bits are taken ahead. Allocates the output and the signs.

        Raises
        ------
        BlockContractError
            For a negative count, an `out` that does not fit, and bits that are no bits; the
            waveform stays where it was (bits already taken from the source are lost).
        """
        if count < 0:
            raise BlockContractError("count", "0 or more", str(count))
        target = _target(count, out)
        if count == 0:
            return target
        first = self.position * self._step // self._period
        last = (self.position + count - 1) * self._step // self._period
        symbols, state = self._symbols, self._state
        missing = last - first + TAPS - len(symbols)
        if missing > 0:
            encoded = encode_differentially(_checked_bits(bits.next_bits(missing), missing), state)
            state = int(encoded[-1])
            fresh = np.where(encoded == 1, np.float32(self.peak), np.float32(-self.peak))
            symbols = np.concatenate([symbols, fresh])
        self._render(first, symbols, target)
        self.position += count
        self._state = state
        now = self.position * self._step // self._period
        self._symbols = symbols[now - first :]
        return target

    def _render(self, first: int, symbols: npt.NDArray[np.float32], target: Samples) -> None:
        """Fill `target` from `position`, which lies in bit `first`."""
        begin = -(-first * self._period // self._step)  # first sample of that bit
        start = begin * self._step - first * self._period
        skip = self.position - begin
        sum_pulses(symbols, self._table, start, skip, self._step, self._period, target)


def _target(count: int, out: Samples | None) -> Samples:
    if out is None:
        return np.empty(count, np.float32)
    if out.shape != (count,) or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise BlockContractError(
            "out", f"float32 ({count},), C-contiguous", f"{out.dtype} {out.shape}"
        )
    return out


def _checked_bits(bits: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8 or bits.shape != (count,):
        raise BlockContractError("bits", f"uint8 ({count},)", str(getattr(bits, "shape", bits)))
    if bits.max() > 1:
        raise BlockContractError("bits", "0 and 1", str(bits.max()))
    return bits
