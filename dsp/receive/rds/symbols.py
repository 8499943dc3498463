"""From the RDS baseband to symbols: clock and carrier found in blocks, without loops.

A loop has to settle and loses what passes meanwhile. Here the signal is cut into hops of 48 ms (57
bits); clock, frequency and phase for a hop are estimated over a stretch of hops straight from the
signal. Each hop counts by the inverse of its energy, so that a burst of noise does not drown the
rest:

- Clock: the mean energy after the matched filter beats with the bit rate. The lines of |y|² at
  1187.5 and 2375 Hz give the middle of a bit; the first of them knows which half is which.
- Carrier: squaring takes the data away, y² turns at twice the frequency error. The highest line
  within ±26 Hz gives frequency and phase (±180°, which differential decoding does not mind). No
  pilot is wanted; ±6 Hz of the standard and ±100 ppm of a receiver's clock together are ±11.7 Hz.

Kernels only; the streaming is in `demodulator.py`. Positions are samples at 12 kHz.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import types

from dsp.kernel import inlined, kernel
from dsp.receive.rds.shape import BITS_PER_PERIOD, SAMPLES_PER_BIT, SAMPLES_PER_PERIOD

#: 48 ms: three periods of 19 bits in 192 samples, so that every hop sees the same clock phases.
HOP: Final = 3 * SAMPLES_PER_PERIOD
HOP_BITS: Final = 3 * BITS_PER_PERIOD
#: Samples beyond a hop that its last symbol may need.
REACH: Final = 4
#: Of the squared signal.
HIGHEST_HZ: Final = 26.0

_RATE_HZ: Final = 12_000.0
# Symbols summed before the search: 26 Hz turn 40° in 5 symbols, a loss of 0.2 dB at the very edge.
_JOINED: Final = 5
_CLOCK_STEPS: Final = 48
# Fourier coefficients of the energy over a bit (rds_shape.energy_ripple), the weights of the lines.
_RIPPLE_1: Final = 0.1229
_RIPPLE_2: Final = 0.15625
_TURN_1: Final = 2.0 * math.pi * BITS_PER_PERIOD / SAMPLES_PER_PERIOD

_C64 = types.Array(types.complex64, 1, "C")
_F32 = types.Array(types.float32, 1, "C")
_F64 = types.Array(types.float64, 1, "C")
_F64_2 = types.Array(types.float64, 2, "C")

#: A log-likelihood is never larger; amplitude follows in four hops (0.2 s), noise in two.
HIGHEST_LEVEL: Final = 15.0
AMPLITUDE_MEMORY: Final = 0.75
NOISE_MEMORY: Final = 0.5
NOISE_JUMP: Final = 4.0
TINY: Final = 1e-30

# Fields of an estimate.
MIDDLE, CLOCK, TURN, PHASE, COHERENCE, CLOCK_SHARE = range(6)
ESTIMATE: Final = 6
# Fields of the state that is carried from hop to hop.
ANGLE, NEXT, AMPLITUDE, NOISE, HOP_POWER, HOP_NOISE = range(6)
STATE: Final = 6
# Columns of the energy sums of a hop.
ENERGY, LINE_1_RE, LINE_1_IM, LINE_2_RE, LINE_2_IM = range(5)
SUMS: Final = 5


@kernel(types.void(_F32, _F32, _F32), fastmath=frozenset({"contract"}))
def match_filter(pairs: Any, taps: Any, out: Any) -> None:
    """Write the correlation of interleaved `pairs` (re, im) with real `taps` to `out`.

    `pairs` is 2 (len(taps) - 1) longer than `out`. Rate of the loop: 12 kHz.
    """
    n = out.shape[0]
    for i in range(n):
        out[i] = np.float32(0.0)
    for k in range(taps.shape[0]):
        h = taps[k]
        piece = pairs[2 * k : 2 * k + n]
        for i in range(n):
            out[i] += h * piece[i]


@kernel(types.void(_C64, _F32, _F64))
def sum_energy(y: Any, waves: Any, sums: Any) -> None:
    """Fill `sums` (5,) with energy and clock lines of one hop `y` (HOP,).

    `waves` holds cos and sin of the first line over one period, 2 · 192.
    """
    for i in range(SUMS):
        sums[i] = 0.0
    period = SAMPLES_PER_PERIOD
    for i in range(period):
        e = np.float32(0.0)
        for start in range(0, HOP, SAMPLES_PER_PERIOD):
            v = y[start + i]
            e += v.real * v.real + v.imag * v.imag
        c, s = waves[i], waves[period + i]
        sums[ENERGY] += e
        sums[LINE_1_RE] += e * c
        sums[LINE_1_IM] -= e * s
        sums[LINE_2_RE] += e * (c * c - s * s)
        sums[LINE_2_IM] -= e * (2.0 * c * s)


@inlined
def _between(y: Any, at: Any) -> Any:
    """Return `y` at the fractional position `at` by a polynomial through six samples.

    The signal ends at a fifth of the rate; there the error is below 1 %, at 1187.5 Hz 1e-4.
    """
    i = math.floor(at)
    f = np.float32(at - i)
    one, two, three = np.float32(1.0), np.float32(2.0), np.float32(3.0)
    p, q, r = f + two, f + one, f - one
    s, t = f - two, f - three
    pq, st = p * q, s * t
    qf, rs = q * f, r * s
    outer = (qf * rs * t) * np.float32(-1.0 / 120.0) * y[i - 2]
    outer += (pq * f * rs) * np.float32(1.0 / 120.0) * y[i + 3]
    middle = (p * f * r * st) * np.float32(1.0 / 24.0) * y[i - 1]
    middle += (pq * f * r * t) * np.float32(-1.0 / 24.0) * y[i + 2]
    inner = (pq * r * st) * np.float32(-1.0 / 12.0) * y[i]
    inner += (pq * f * st) * np.float32(1.0 / 12.0) * y[i + 1]
    return outer + middle + inner


@inlined
def _clock(sums: Any, first: Any, last: Any, estimate: Any) -> None:
    """Find the middle of a bit from the clock lines of hops `first` … `last` - 1."""
    hops = 0
    re1 = im1 = re2 = im2 = 0.0
    for h in range(first, last):
        if sums[h, ENERGY] <= 0.0:
            continue
        weight = 1.0 / sums[h, ENERGY]
        hops += 1
        re1 += weight * sums[h, LINE_1_RE]
        im1 += weight * sums[h, LINE_1_IM]
        re2 += weight * sums[h, LINE_2_RE]
        im2 += weight * sums[h, LINE_2_IM]
    best, at = -1e300, 0
    values = np.empty(_CLOCK_STEPS)
    for step in range(_CLOCK_STEPS):
        angle = 2.0 * math.pi * step / _CLOCK_STEPS
        c, s = math.cos(angle), math.sin(angle)
        value = _RIPPLE_1 * (re1 * c - im1 * s)
        value += _RIPPLE_2 * (re2 * (c * c - s * s) - im2 * 2.0 * c * s)
        values[step] = value
        if value > best:
            best, at = value, step
    before, after = values[at - 1], values[(at + 1) % _CLOCK_STEPS]
    bend = before - 2.0 * best + after
    shift = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
    estimate[CLOCK] = (at + shift) / _CLOCK_STEPS * SAMPLES_PER_BIT
    estimate[CLOCK_SHARE] = best / hops if hops > 0 else 0.0


@inlined
def _line(joined: Any, count: Any, hertz: Any) -> Any:
    """Return the sum of `joined` turned back by `hertz`, phase counted from the middle."""
    step = 2.0 * math.pi * hertz * _JOINED * SAMPLES_PER_BIT / _RATE_HZ
    total = 0.0 + 0.0j
    turn = complex(math.cos(step), -math.sin(step))
    middle = 0.5 * (count - 1)
    wave = complex(math.cos(step * middle), math.sin(step * middle))
    for j in range(count):
        total += joined[j] * wave
        wave *= turn
    return total


@inlined
def _search(joined: Any, count: Any, step: Any, steps: Any) -> Any:
    """Return the highest square of a line and its number, of 2 · `steps` + 1 lines `step` apart.

    All lines side by side, so that the compiler can work on several at once.
    """
    lines = 2 * steps + 1
    total = np.zeros((2, lines))
    wave = np.empty((2, lines))
    turn = np.empty((2, lines))
    for k in range(lines):
        angle = 2.0 * math.pi * (k - steps) * step * _JOINED * SAMPLES_PER_BIT / _RATE_HZ
        turn[0, k], turn[1, k] = math.cos(angle), -math.sin(angle)
        wave[0, k], wave[1, k] = 1.0, 0.0
    for j in range(count):
        a, b = joined[j].real, joined[j].imag
        for k in range(lines):
            c, d = wave[0, k], wave[1, k]
            total[0, k] += a * c - b * d
            total[1, k] += a * d + b * c
            wave[0, k] = c * turn[0, k] - d * turn[1, k]
            wave[1, k] = c * turn[1, k] + d * turn[0, k]
    best, at = -1.0, 0
    for k in range(lines):
        size = total[0, k] * total[0, k] + total[1, k] * total[1, k]
        if size > best:
            best, at = size, k
    return best, at


@inlined
def _carrier(y: Any, sums: Any, start: Any, end: Any, estimate: Any) -> None:
    """Find frequency and phase of the squared symbols between samples `start` and `end` of `y`."""
    bit = SAMPLES_PER_BIT
    first = start + (estimate[CLOCK] - start) % bit
    count = int((end - 1 - first) / (bit * _JOINED))
    joined = np.empty(count, np.complex128)
    power = 0.0
    for j in range(count):
        total = 0.0 + 0.0j
        size = 0.0
        for i in range(_JOINED):
            v = _between(y, first + (j * _JOINED + i) * bit)
            total += v * v
            size += v.real * v.real + v.imag * v.imag
        energy = sums[int((first + (j + 0.5) * _JOINED * bit - REACH) / HOP), ENERGY]
        weight = 1.0 / energy if energy > 0.0 else 0.0
        joined[j] = total * weight
        power += size * weight
    # A quarter of the resolution: the ridge is never missed by more than 0.2 dB.
    step = _RATE_HZ / (4.0 * count * _JOINED * bit)
    steps = int(HIGHEST_HZ / step)
    best, at = _search(joined, count, step, steps)
    found = (at - steps) * step
    v = _line(joined, count, found - step)
    before = abs(v)
    v = _line(joined, count, found + step)
    after = abs(v)
    here = math.sqrt(best)
    bend = before - 2.0 * here + after
    if bend < 0.0:
        found += step * min(max(0.5 * (before - after) / bend, -0.5), 0.5)
    v = _line(joined, count, found)
    estimate[MIDDLE] = first + 0.5 * (count * _JOINED - 1) * bit
    # Radians per sample and radians, of the signal itself: half of the squared one's.
    estimate[TURN] = math.pi * found / _RATE_HZ
    estimate[PHASE] = 0.5 * math.atan2(v.imag, v.real)
    estimate[COHERENCE] = abs(v) / power if power > 0.0 else 0.0


@kernel(
    types.void(_C64, _F64_2, types.int64, types.int64, _F64),
    # Fused multiply-adds only; test_rds_receiver.py holds the figures to truth.
    fastmath=frozenset({"contract"}),
)
def estimate_stretch(y: Any, sums: Any, first: Any, last: Any, estimate: Any) -> None:
    """Estimate clock and carrier over hops `first` … `last` - 1 of the buffer `y`.

    `y` begins REACH samples before hop 0 and ends REACH after the last; `sums` is (hops, 5).
    `estimate` (6,) gets MIDDLE, the reference for TURN and PHASE, in samples from hop 0; CLOCK, the
    middle of a bit modulo a bit; COHERENCE, 0 … 1; CLOCK_SHARE.
    """
    _clock(sums, first, last, estimate)
    estimate[CLOCK] += REACH
    _carrier(y, sums, REACH + first * HOP, REACH + last * HOP, estimate)
    estimate[CLOCK] -= REACH
    estimate[MIDDLE] -= REACH


@inlined
def _keep_upright(estimate: Any, start: Any, state: Any) -> None:
    """Choose of the two phases the one that goes on from the last hop; remember its end."""
    turn = estimate[TURN]
    angle = estimate[PHASE] + turn * (start - estimate[MIDDLE])
    if math.cos(angle - state[ANGLE]) < 0.0:
        estimate[PHASE] += math.pi
        angle += math.pi
    angle += turn * HOP
    state[ANGLE] = angle - 2.0 * math.pi * math.floor(angle / (2.0 * math.pi))


@inlined
def _weigh(symbols: Any, count: Any, state: Any, levels: Any) -> None:
    """Turn symbols into log-likelihoods 2 A y / σ²; follow amplitude and noise."""
    along = across = 0.0
    for n in range(count):
        v = symbols[n]
        along += v.real * v.real
        across += v.imag * v.imag
    across /= count
    power = along / count - across
    keep_a, keep_n = AMPLITUDE_MEMORY, NOISE_MEMORY
    if across < state[NOISE] / NOISE_JUMP or state[NOISE] == 0.0:
        keep_a, keep_n = 0.0, 0.0  # the beginning, or the end of a burst of noise
    elif across > state[NOISE] * NOISE_JUMP:
        keep_a, keep_n = 1.0, 0.0  # its beginning: the amplitude is not to be seen now
    state[AMPLITUDE] = keep_a * state[AMPLITUDE] + (1.0 - keep_a) * power
    state[NOISE] = keep_n * state[NOISE] + (1.0 - keep_n) * across
    state[HOP_POWER], state[HOP_NOISE] = power, across
    gain = 2.0 * math.sqrt(max(state[AMPLITUDE], 0.0)) / max(state[NOISE], TINY)
    for n in range(count):
        levels[n] = min(max(symbols[n].real * gain, -HIGHEST_LEVEL), HIGHEST_LEVEL)


@kernel(types.int64(_C64, types.float64, types.float64, _F64, _F64, _F64, _C64, _F32))
def take_symbols(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    y: Any,
    start: Any,
    end: Any,
    estimate: Any,
    state: Any,
    times: Any,
    symbols: Any,
    levels: Any,
) -> Any:
    """Detect the symbols with their middle in [max(start, state[NEXT]), end); return their number.

    Positions in samples from hop 0 of the buffer, as in `estimate_stretch`. `times` gets the
    middles, `symbols` the amplitudes turned upright, `levels` the log-likelihoods. `state` (6,) is
    carried; state[NEXT] is in samples from hop 0 too.
    """
    bit = SAMPLES_PER_BIT
    _keep_upright(estimate, start, state)
    begin = max(start, state[NEXT])
    at = begin + (estimate[CLOCK] - begin) % bit
    count = 0
    while at < end and count < symbols.shape[0]:
        angle = estimate[PHASE] + estimate[TURN] * (at - estimate[MIDDLE])
        v = _between(y, at + REACH)
        symbols[count] = v * complex(math.cos(angle), -math.sin(angle))
        times[count] = at
        count += 1
        at += bit
    if count > 0:
        state[NEXT] = at - 0.5 * bit
        _weigh(symbols, count, state, levels)
    return count
