"""Discrete Fourier transforms of sixteen blocks side by side, in place, planar, mixed radix.

All sixteen blocks (`dsp.lanes`) go through the same butterflies, so every operation is a vector
operation and nothing is ever shuffled: 1.2 to 1.4 thousand million samples a second at lengths near
4800, four times what one library transform after another gives (docs/decisions/0005).

Neither direction sorts. `transform` (decimation in frequency) takes samples in order and leaves
frequency k at row `places(length)[k]`; `transform_back` (its transpose) takes them from there and
gives samples in order. Who picks bins through an index anyway gets the sorting for nothing.

Rows are 16 floats: row n holds sample n of every block. Lengths are products of 2, 3 and 5.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import inlined
from dsp.lanes import LANES, load, splat, store

PLANE = types.Array(types.float32, 1, "C")
PASSES_IN = types.Array(types.int64, 2, "C", readonly=True)
TURNS_IN = types.Array(types.float32, 1, "C", readonly=True)

_R8 = np.float32(np.sqrt(0.5))
_HALF = np.float32(0.5)
_S3 = np.float32(np.sqrt(0.75))
_C51, _C52 = np.float32(np.cos(0.4 * np.pi)), np.float32(np.cos(0.8 * np.pi))
_S51, _S52 = np.float32(np.sin(0.4 * np.pi)), np.float32(np.sin(0.8 * np.pi))


def radices(length: int) -> list[int]:
    """Return the radices of a transform, the largest strides first.

    Raises
    ------
    ValueError
        If `length` has another prime factor than 2, 3 and 5.
    """
    rest, found = length, []
    for radix in (8, 5, 4, 3, 2):
        while rest % radix == 0:
            found.append(radix)
            rest //= radix
    if rest != 1:
        raise ValueError(f"length: expected a product of 2, 3 and 5, got {length}")
    # Fives between the eights: strides that are powers of two would share few cache lines.
    eights = [r for r in found if r == 8]
    others = [r for r in found if r != 8]
    mixed = []
    while eights or others:
        mixed += eights[:1] + others[:1]
        eights, others = eights[1:], others[1:]
    return mixed


def places(length: int) -> npt.NDArray[np.int64]:
    """Return the row at which `transform` leaves each frequency, FFT order."""
    rest = np.arange(length)
    rows = np.zeros(length, np.int64)
    span = length
    for radix in radices(length):
        span //= radix
        rows += rest % radix * span
        rest //= radix
    return rows


def plan_passes(length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the passes (count, 4), each radix, span, stride and first turn; and all turns."""
    passes, turns = [], [np.zeros(0, np.float32)]
    span, used = length, 0
    for radix in radices(length):
        stride = span // radix
        j, k = np.arange(stride)[:, None], np.arange(1, radix)[None, :]
        turn = np.exp(-2j * np.pi * j * k / span).astype(np.complex64).ravel().view(np.float32)
        passes.append((radix, span, stride, used))
        turns.append(turn)
        used += len(turn)
        span = stride
    return np.array(passes, np.int64), np.concatenate(turns)


@inlined
def _two(a0, a1, b0, b1):
    return a0 + a1, a0 - a1, b0 + b1, b0 - b1


@inlined
def _three(a0, a1, a2, b0, b1, b2):
    half, s = splat(_HALF), splat(_S3)
    p, q, d, e = a1 + a2, b1 + b2, (a1 - a2) * s, (b1 - b2) * s
    u, v = a0 - p * half, b0 - q * half
    return a0 + p, u + e, u - e, b0 + q, v - d, v + d


@inlined
def _four(a0, a1, a2, a3, b0, b1, b2, b3):  # noqa: PLR0913, PLR0917 - registers are not array elements
    p0, p1, p2, p3 = a0 + a2, a0 - a2, a1 + a3, a1 - a3
    q0, q1, q2, q3 = b0 + b2, b0 - b2, b1 + b3, b1 - b3
    return p0 + p2, p1 + q3, p0 - p2, p1 - q3, q0 + q2, q1 - p3, q0 - q2, q1 + p3


@inlined
def _five(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4):  # noqa: PLR0913, PLR0917 - registers are not array elements
    c1, c2, s1, s2 = splat(_C51), splat(_C52), splat(_S51), splat(_S52)
    p1, m1, p2, m2 = a1 + a4, a1 - a4, a2 + a3, a2 - a3
    q1, n1, q2, n2 = b1 + b4, b1 - b4, b2 + b3, b2 - b3
    u1, v1 = a0 + p1 * c1 + p2 * c2, b0 + q1 * c1 + q2 * c2
    u2, v2 = a0 + p1 * c2 + p2 * c1, b0 + q1 * c2 + q2 * c1
    w1, x1 = n1 * s1 + n2 * s2, m1 * s1 + m2 * s2
    w2, x2 = n1 * s2 - n2 * s1, m1 * s2 - m2 * s1
    re = (a0 + p1 + p2, u1 + w1, u2 + w2, u2 - w2, u1 - w1)
    im = (b0 + q1 + q2, v1 - x1, v2 - x2, v2 + x2, v1 + x1)
    return re + im


@inlined
def _eight(a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7):  # noqa: PLR0913, PLR0917 - registers are not array elements
    r8 = splat(_R8)
    s0, d0, s1, d1 = a0 + a4, a0 - a4, a1 + a5, a1 - a5
    s2, d2, s3, d3 = a2 + a6, a2 - a6, a3 + a7, a3 - a7
    t0, e0, t1, e1 = b0 + b4, b0 - b4, b1 + b5, b1 - b5
    t2, e2, t3, e3 = b2 + b6, b2 - b6, b3 + b7, b3 - b7
    y0, y2, y4, y6, z0, z2, z4, z6 = _four(s0, s1, s2, s3, t0, t1, t2, t3)
    # The odd frequencies: the differences, turned by eighths of a circle.
    g1, h1 = (d1 + e1) * r8, (e1 - d1) * r8
    g3, h3 = (e3 - d3) * r8, (d3 + e3) * r8
    u0, v0, u1, v1 = d0 + e2, e0 - d2, d0 - e2, e0 + d2
    u2, v2, u3, v3 = g1 + g3, h1 - h3, g1 - g3, h1 + h3
    re = (y0, u0 + u2, y2, u1 + v3, y4, u0 - u2, y6, u1 - v3)
    im = (z0, v0 + v2, z2, v1 - u3, z4, v0 - v2, z6, v1 + u3)
    return re + im


@inlined
def _put(a, b, re, im, at, turns, w):
    """Store a + jb, turned by number `w` of `turns`."""
    x, y = splat(turns[w]), splat(turns[w + 1])
    store(a * x - b * y, re, at)
    store(a * y + b * x, im, at)


@inlined
def _get(re, im, at, turns, w):
    """Load a + jb, turned by number `w` of `turns`."""
    x, y = splat(turns[w]), splat(turns[w + 1])
    a, b = load(re, at), load(im, at)
    return a * x - b * y, a * y + b * x


@inlined
def _apart_two(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 1
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b + 0 * s), load(im, b + 0 * s)
            a1, b1 = load(re, b + 1 * s), load(im, b + 1 * s)
            y0, y1, z0, z1 = _two(a0, a1, b0, b1)
            store(y0, re, b)
            store(z0, im, b)
            _put(y1, z1, re, im, b + 1 * s, turns, w + 0)


@inlined
def _apart_three(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 2
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b + 0 * s), load(im, b + 0 * s)
            a1, b1 = load(re, b + 1 * s), load(im, b + 1 * s)
            a2, b2 = load(re, b + 2 * s), load(im, b + 2 * s)
            y0, y1, y2, z0, z1, z2 = _three(a0, a1, a2, b0, b1, b2)
            store(y0, re, b)
            store(z0, im, b)
            _put(y1, z1, re, im, b + 1 * s, turns, w + 0)
            _put(y2, z2, re, im, b + 2 * s, turns, w + 2)


@inlined
def _apart_four(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 3
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b + 0 * s), load(im, b + 0 * s)
            a1, b1 = load(re, b + 1 * s), load(im, b + 1 * s)
            a2, b2 = load(re, b + 2 * s), load(im, b + 2 * s)
            a3, b3 = load(re, b + 3 * s), load(im, b + 3 * s)
            y0, y1, y2, y3, z0, z1, z2, z3 = _four(a0, a1, a2, a3, b0, b1, b2, b3)
            store(y0, re, b)
            store(z0, im, b)
            _put(y1, z1, re, im, b + 1 * s, turns, w + 0)
            _put(y2, z2, re, im, b + 2 * s, turns, w + 2)
            _put(y3, z3, re, im, b + 3 * s, turns, w + 4)


@inlined
def _apart_five(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 4
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b + 0 * s), load(im, b + 0 * s)
            a1, b1 = load(re, b + 1 * s), load(im, b + 1 * s)
            a2, b2 = load(re, b + 2 * s), load(im, b + 2 * s)
            a3, b3 = load(re, b + 3 * s), load(im, b + 3 * s)
            a4, b4 = load(re, b + 4 * s), load(im, b + 4 * s)
            y0, y1, y2, y3, y4, z0, z1, z2, z3, z4 = _five(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4)
            store(y0, re, b)
            store(z0, im, b)
            _put(y1, z1, re, im, b + 1 * s, turns, w + 0)
            _put(y2, z2, re, im, b + 2 * s, turns, w + 2)
            _put(y3, z3, re, im, b + 3 * s, turns, w + 4)
            _put(y4, z4, re, im, b + 4 * s, turns, w + 6)


@inlined
def _apart_eight(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 7
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b + 0 * s), load(im, b + 0 * s)
            a1, b1 = load(re, b + 1 * s), load(im, b + 1 * s)
            a2, b2 = load(re, b + 2 * s), load(im, b + 2 * s)
            a3, b3 = load(re, b + 3 * s), load(im, b + 3 * s)
            a4, b4 = load(re, b + 4 * s), load(im, b + 4 * s)
            a5, b5 = load(re, b + 5 * s), load(im, b + 5 * s)
            a6, b6 = load(re, b + 6 * s), load(im, b + 6 * s)
            a7, b7 = load(re, b + 7 * s), load(im, b + 7 * s)
            y0, y1, y2, y3, y4, y5, y6, y7, z0, z1, z2, z3, z4, z5, z6, z7 = _eight(
                a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7
            )
            store(y0, re, b)
            store(z0, im, b)
            _put(y1, z1, re, im, b + 1 * s, turns, w + 0)
            _put(y2, z2, re, im, b + 2 * s, turns, w + 2)
            _put(y3, z3, re, im, b + 3 * s, turns, w + 4)
            _put(y4, z4, re, im, b + 4 * s, turns, w + 6)
            _put(y5, z5, re, im, b + 5 * s, turns, w + 8)
            _put(y6, z6, re, im, b + 6 * s, turns, w + 10)
            _put(y7, z7, re, im, b + 7 * s, turns, w + 12)


@inlined
def _together_two(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 1
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b), load(im, b)
            a1, b1 = _get(re, im, b + 1 * s, turns, w + 0)
            y0, y1, z0, z1 = _two(a0, a1, b0, b1)
            store(y0, re, b + 0 * s)
            store(z0, im, b + 0 * s)
            store(y1, re, b + 1 * s)
            store(z1, im, b + 1 * s)


@inlined
def _together_three(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 2
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b), load(im, b)
            a1, b1 = _get(re, im, b + 1 * s, turns, w + 0)
            a2, b2 = _get(re, im, b + 2 * s, turns, w + 2)
            y0, y1, y2, z0, z1, z2 = _three(a0, a1, a2, b0, b1, b2)
            store(y0, re, b + 0 * s)
            store(z0, im, b + 0 * s)
            store(y1, re, b + 1 * s)
            store(z1, im, b + 1 * s)
            store(y2, re, b + 2 * s)
            store(z2, im, b + 2 * s)


@inlined
def _together_four(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 3
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b), load(im, b)
            a1, b1 = _get(re, im, b + 1 * s, turns, w + 0)
            a2, b2 = _get(re, im, b + 2 * s, turns, w + 2)
            a3, b3 = _get(re, im, b + 3 * s, turns, w + 4)
            y0, y1, y2, y3, z0, z1, z2, z3 = _four(a0, a1, a2, a3, b0, b1, b2, b3)
            store(y0, re, b + 0 * s)
            store(z0, im, b + 0 * s)
            store(y1, re, b + 1 * s)
            store(z1, im, b + 1 * s)
            store(y2, re, b + 2 * s)
            store(z2, im, b + 2 * s)
            store(y3, re, b + 3 * s)
            store(z3, im, b + 3 * s)


@inlined
def _together_five(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 4
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b), load(im, b)
            a1, b1 = _get(re, im, b + 1 * s, turns, w + 0)
            a2, b2 = _get(re, im, b + 2 * s, turns, w + 2)
            a3, b3 = _get(re, im, b + 3 * s, turns, w + 4)
            a4, b4 = _get(re, im, b + 4 * s, turns, w + 6)
            y0, y1, y2, y3, y4, z0, z1, z2, z3, z4 = _five(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4)
            store(y0, re, b + 0 * s)
            store(z0, im, b + 0 * s)
            store(y1, re, b + 1 * s)
            store(z1, im, b + 1 * s)
            store(y2, re, b + 2 * s)
            store(z2, im, b + 2 * s)
            store(y3, re, b + 3 * s)
            store(z3, im, b + 3 * s)
            store(y4, re, b + 4 * s)
            store(z4, im, b + 4 * s)


@inlined
def _together_eight(re, im, turns, span, stride, first):
    s, width = LANES * stride, 2 * 7
    for j in range(stride):
        w = first + width * j
        for b in range(LANES * j, len(re), LANES * span):
            a0, b0 = load(re, b), load(im, b)
            a1, b1 = _get(re, im, b + 1 * s, turns, w + 0)
            a2, b2 = _get(re, im, b + 2 * s, turns, w + 2)
            a3, b3 = _get(re, im, b + 3 * s, turns, w + 4)
            a4, b4 = _get(re, im, b + 4 * s, turns, w + 6)
            a5, b5 = _get(re, im, b + 5 * s, turns, w + 8)
            a6, b6 = _get(re, im, b + 6 * s, turns, w + 10)
            a7, b7 = _get(re, im, b + 7 * s, turns, w + 12)
            y0, y1, y2, y3, y4, y5, y6, y7, z0, z1, z2, z3, z4, z5, z6, z7 = _eight(
                a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7
            )
            store(y0, re, b + 0 * s)
            store(z0, im, b + 0 * s)
            store(y1, re, b + 1 * s)
            store(z1, im, b + 1 * s)
            store(y2, re, b + 2 * s)
            store(z2, im, b + 2 * s)
            store(y3, re, b + 3 * s)
            store(z3, im, b + 3 * s)
            store(y4, re, b + 4 * s)
            store(z4, im, b + 4 * s)
            store(y5, re, b + 5 * s)
            store(z5, im, b + 5 * s)
            store(y6, re, b + 6 * s)
            store(z6, im, b + 6 * s)
            store(y7, re, b + 7 * s)
            store(z7, im, b + 7 * s)


@inlined
def transform(re, im, passes, turns):
    """Transform all blocks; frequencies end up at `places`."""
    for p in range(passes.shape[0]):
        radix, span, stride, first = passes[p, 0], passes[p, 1], passes[p, 2], passes[p, 3]
        if radix == 8:
            _apart_eight(re, im, turns, span, stride, first)
        elif radix == 5:
            _apart_five(re, im, turns, span, stride, first)
        elif radix == 4:
            _apart_four(re, im, turns, span, stride, first)
        elif radix == 3:
            _apart_three(re, im, turns, span, stride, first)
        elif radix == 2:
            _apart_two(re, im, turns, span, stride, first)


@inlined
def transform_back(re, im, passes, turns):
    """Transform frequencies at `places` into samples in order, exponent minus as `transform`.

    For the inverse exchange `re` and `im`, before and after; nothing is divided by the length.
    """
    for p in range(passes.shape[0] - 1, -1, -1):
        radix, span, stride, first = passes[p, 0], passes[p, 1], passes[p, 2], passes[p, 3]
        if radix == 8:
            _together_eight(re, im, turns, span, stride, first)
        elif radix == 5:
            _together_five(re, im, turns, span, stride, first)
        elif radix == 4:
            _together_four(re, im, turns, span, stride, first)
        elif radix == 3:
            _together_three(re, im, turns, span, stride, first)
        elif radix == 2:
            _together_two(re, im, turns, span, stride, first)
