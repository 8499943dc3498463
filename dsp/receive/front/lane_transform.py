"""Discrete Fourier transforms of sixteen blocks side by side, in place, planar, mixed radix.

All sixteen blocks (`dsp.lanes`) go through the same butterflies, so every operation is a vector
operation and nothing is ever shuffled: 1.2 to 1.4 thousand million samples a second at lengths near
4800, four times what one library transform after another gives (docs/decisions/0005).

Neither direction sorts. `transform` (decimation in frequency) takes samples in order and leaves
frequency k at row `lane_plan.places(length)[k]`; `transform_back` (its transpose) takes them from
there and gives samples in order. Who picks bins through an index anyway gets the sorting for
nothing.

Rows are 16 floats: row n holds sample n of every block. `lane_plan` makes passes and turns.
"""

from __future__ import annotations

from numba import types

from dsp.kernel import inlined
from dsp.lanes import LANES, load, splat, store
from dsp.receive.front.butterflies import (
    dft2,
    dft3,
    dft4,
    dft5,
    dft8,
)

PLANE = types.Array(types.float32, 1, "C")
PASSES_IN = types.Array(types.int64, 2, "C", readonly=True)
TURNS_IN = types.Array(types.float32, 1, "C", readonly=True)


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
            y0, y1, z0, z1 = dft2(a0, a1, b0, b1)
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
            y0, y1, y2, z0, z1, z2 = dft3(a0, a1, a2, b0, b1, b2)
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
            y0, y1, y2, y3, z0, z1, z2, z3 = dft4(a0, a1, a2, a3, b0, b1, b2, b3)
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
            y0, y1, y2, y3, y4, z0, z1, z2, z3, z4 = dft5(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4)
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
            y0, y1, y2, y3, y4, y5, y6, y7, z0, z1, z2, z3, z4, z5, z6, z7 = dft8(
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
            y0, y1, z0, z1 = dft2(a0, a1, b0, b1)
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
            y0, y1, y2, z0, z1, z2 = dft3(a0, a1, a2, b0, b1, b2)
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
            y0, y1, y2, y3, z0, z1, z2, z3 = dft4(a0, a1, a2, a3, b0, b1, b2, b3)
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
            y0, y1, y2, y3, y4, z0, z1, z2, z3, z4 = dft5(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4)
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
            y0, y1, y2, y3, y4, y5, y6, y7, z0, z1, z2, z3, z4, z5, z6, z7 = dft8(
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
