"""Kernels of the composite's transforms: sixteen hops of 25 ms side by side, all real.

A hop of 2N real samples is taken as N complex ones, z[n] = x[2n] + j x[2n + 1], so that nothing is
transformed twice. With Z its transform and W = exp(-j pi k / N) the bins of the hop are

    X[k] = E[k] + W O[k]      E = (Z[k] + conj Z[N - k]) / 2      O = (Z[k] - conj Z[N - k]) / 2j

and the way back is Z[k] = E[k] + j O[k] with E = (X[k] + conj X[N - k]) / 2 and O = (X[k] -
conj X[N - k]) / 2 · conj W.

The Hann window is applied to the bins: a window 1/2 - 1/2 cos is X[k]/2 - (X[k-1] + X[k+1])/4.
Without it the leakage of a 6.75 kHz pilot would bury the noise that must be measured beside it.

Planes hold 16 floats a row, one for each hop (`dsp.lanes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from dsp.kernel import inlined, kernel
from dsp.lanes import LANES, PIECE, lane_sum, load, load_lanes, splat, store, store_lanes
from dsp.receive.front.lane_transform import PASSES_IN, PLANE, TURNS_IN, transform, transform_back

_FLOATS = types.Array(types.float32, 1, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)
_PAIRS = types.Array(types.float32, 2, "C", readonly=True)
_SUMS = types.Array(types.float64, 1, "C")
_HALF = np.float32(0.5)
_QUARTER = np.float32(0.25)

# Fused multiply-adds only; tests/dsp/receive/test_receiver_twins.py has a twin in float64.
_FUSED = frozenset({"contract"})


@kernel(
    types.void(
        _FLOATS, types.int64, PASSES_IN, TURNS_IN, _PLACES, _PAIRS, PLANE, PLANE, PLANE, PLANE
    ),
    fastmath=_FUSED,
)  # fmt: skip
def transform_hops(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    samples: Any, step: Any, passes: Any, turns: Any, rows: Any, half_turns: Any,
    re: Any, im: Any, bins_re: Any, bins_im: Any,
) -> None:  # fmt: skip
    """Write the lowest bins of sixteen hops of `samples`, `step` apart, to `bins_re`, `bins_im`.

    `re` and `im` (16 N) take the transform of the pairs, frequency k at row `rows[k]`;
    `half_turns` (2, bins) holds cos and -sin of pi k / N.
    """
    length = rows.shape[0]
    for n in range(0, length, PIECE):
        load_lanes(samples, 2 * n, step, re, im, LANES * n)
    transform(re, im, passes, turns)
    half = splat(_HALF)
    for k in range(half_turns.shape[1]):
        at, mirror = LANES * rows[k], LANES * rows[(length - k) % length]
        a, b, c, d = load(re, at), load(im, at), load(re, mirror), load(im, mirror)
        x, y = splat(half_turns[0, k]), splat(half_turns[1, k])
        u, v = (b + d) * half, (c - a) * half
        store((a + c) * half + (x * u - y * v), bins_re, LANES * k)
        store((b - d) * half + (x * v + y * u), bins_im, LANES * k)


@inlined
def _hann(plane: Any, k: Any) -> Any:
    """Bin `k` of all hops under a Hann window."""
    beside = load(plane, LANES * (k - 1)) + load(plane, LANES * (k + 1))
    return load(plane, LANES * k) * splat(_HALF) - beside * splat(_QUARTER)


@kernel(
    types.void(PLANE, PLANE, PLANE, types.int64, types.int64, _SUMS, PLANE),
    fastmath=_FUSED,
)  # fmt: skip
def sum_powers(
    bins_re: Any, bins_im: Any, fresh: Any, first: Any, last: Any, total: Any, heard: Any
) -> None:
    """Add |X|² under a Hann window, summed over the hops, to `total` (bins,).

    `fresh` (16,) is 1 for the hops that count and 0 for the others; `heard` (16,) takes the sum
    over bins `first` … `last` - 1 of every hop. The outermost bins are left out.
    """
    counted = load(fresh, 0)
    band = splat(np.float32(0.0))
    for k in range(1, total.shape[0] - 1):
        a, b = _hann(bins_re, k), _hann(bins_im, k)
        power = a * a + b * b
        total[k] += lane_sum(power * counted)
        if first <= k < last:
            band = band + power
    store(band, heard, 0)


@kernel(
    types.void(PLANE, PLANE, types.int64, types.int64, types.int64, PLANE), fastmath=_FUSED
)  # fmt: skip
def read_phasors(
    bins_re: Any, bins_im: Any, pilot: Any, rds: Any, reach: Any, phasors: Any
) -> None:
    """Write the pilot's bin and the sum of products of RDS bins mirrored about 57 kHz, per hop.

    The mean of z² over time is the sum of X[57k + d] X[57k - d]: a suppressed carrier with real
    modulation leaves twice its phase, whatever the data. `phasors` (64,) takes real and imaginary
    parts of the one, then of the other.
    """
    store(_hann(bins_re, pilot), phasors, 0)
    store(_hann(bins_im, pilot), phasors, LANES)
    a, b = _hann(bins_re, rds), _hann(bins_im, rds)
    re, im = a * a - b * b, (a + a) * b
    for d in range(1, reach + 1):
        a, b = _hann(bins_re, rds + d), _hann(bins_im, rds + d)
        p, q = _hann(bins_re, rds - d), _hann(bins_im, rds - d)
        u, v = a * p - b * q, a * q + b * p
        re, im = re + (u + u), im + (v + v)
    store(re, phasors, 2 * LANES)
    store(im, phasors, 3 * LANES)


@kernel(
    types.void(
        PLANE, PLANE, _FLOATS, _PAIRS, PASSES_IN, TURNS_IN, _PLACES,
        PLANE, PLANE, PLANE, types.int64, types.int64,
    ),
    fastmath=_FUSED,
)  # fmt: skip
def filter_hops(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    bins_re: Any, bins_im: Any, gains: Any, half_turns: Any, passes: Any, turns: Any, rows: Any,
    re: Any, im: Any, out: Any, begin: Any, stride: Any,
) -> None:  # fmt: skip
    """Write the hops, their bins times real `gains`, to `out`, from `begin` on `stride` apart.

    `gains` hold 1 / 2N and end below bin N / 2, so that no bin meets its mirror.
    """
    length, used = rows.shape[0], gains.shape[0]
    nothing = splat(np.float32(0.0))
    for k in range(used):
        gain = splat(gains[k])
        x, y = splat(half_turns[0, k]), splat(half_turns[1, k])
        a, b = load(bins_re, LANES * k) * gain, load(bins_im, LANES * k) * gain
        u, v = x * a + y * b, x * b - y * a
        at = LANES * rows[k]
        store(a - v, re, at)
        store(b + u, im, at)
        if k:
            at = LANES * rows[length - k]
            store(a + v, re, at)
            store(u - b, im, at)
    for k in range(used, length - used + 1):
        store(nothing, re, LANES * rows[k])
        store(nothing, im, LANES * rows[k])
    # Exchanged planes: the inverse.
    transform_back(im, re, passes, turns)
    for n in range(0, length, PIECE):
        store_lanes(re, im, LANES * n, out, begin + 2 * n, stride)


@kernel(
    types.void(
        PLANE, PLANE, _PAIRS, _PAIRS, PASSES_IN, TURNS_IN, _PLACES,
        PLANE, PLANE, types.int64, types.int64, PLANE, types.int64,
    ),
    fastmath=_FUSED,
)  # fmt: skip
def decimate_hops(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    bins_re: Any, bins_im: Any, response: Any, half_turns: Any, passes: Any, turns: Any, rows: Any,
    re: Any, im: Any, skip: Any, kept: Any, out: Any, begin: Any,
) -> None:  # fmt: skip
    """Write the hops, filtered and at a lower rate, to `out`, from `begin` on 2 `kept` apart.

    The lowest M + 1 bins times `response` (2, M + 1; real and imaginary part, with 1 / 2M in them)
    make 2M real samples; pairs `skip` … `skip` + `kept` - 1 of them are kept. `half_turns` (2, M)
    holds cos and -sin of pi k / M.
    """
    length = rows.shape[0]
    for k in range(length // 2 + 1):
        j = length - k
        x, y = splat(response[0, k]), splat(response[1, k])
        a, b = load(bins_re, LANES * k), load(bins_im, LANES * k)
        a, b = a * x - b * y, a * y + b * x
        x, y = splat(response[0, j]), splat(response[1, j])
        c, d = load(bins_re, LANES * j), load(bins_im, LANES * j)
        c, d = c * x - d * y, c * y + d * x
        # E, and O = (X[k] - conj X[M - k]) times conj W.
        e, f, g, h = a + c, b - d, a - c, b + d
        x, y = splat(half_turns[0, k]), splat(half_turns[1, k])
        u, v = x * g + y * h, x * h - y * g
        at = LANES * rows[k]
        store(e - v, re, at)
        store(f + u, im, at)
        if k and j != k:
            at = LANES * rows[j]
            store(e + v, re, at)
            store(u - f, im, at)
    transform_back(im, re, passes, turns)
    for n in range(0, kept, PIECE):
        store_lanes(re, im, LANES * (skip + n), out, begin + 2 * n, 2 * kept)


@kernel(
    types.void(
        PLANE, PLANE, types.int64, _PAIRS, PASSES_IN, TURNS_IN, _PLACES,
        PLANE, PLANE, types.int64, types.int64, PLANE, types.int64,
    ),
    fastmath=_FUSED,
)  # fmt: skip
def shift_hops(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    bins_re: Any, bins_im: Any, centre: Any, response: Any, passes: Any, turns: Any, rows: Any,
    re: Any, im: Any, skip: Any, kept: Any, out: Any, begin: Any,
) -> None:  # fmt: skip
    """Write the hops, shifted from bin `centre` to zero and filtered, to `out` as complex samples.

    `response` (2, M), in the order of an inverse transform, has 1 / M in it; samples `skip` …
    `skip` + `kept` - 1 of M are kept, from `begin` on 2 `kept` apart.
    """
    length = rows.shape[0]
    for k in range(length):
        j = LANES * (centre + (k if k < length // 2 else k - length))
        x, y = splat(response[0, k]), splat(response[1, k])
        a, b = load(bins_re, j), load(bins_im, j)
        at = LANES * rows[k]
        store(a * x - b * y, re, at)
        store(a * y + b * x, im, at)
    transform_back(im, re, passes, turns)
    for n in range(0, kept, PIECE):
        store_lanes(re, im, LANES * (skip + n), out, begin + 2 * n, 2 * kept)
