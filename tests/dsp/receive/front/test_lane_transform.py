"""Transforms in lanes are the discrete Fourier transform, there and back, at every length."""

import numpy as np
import pytest
from numba import types

from dsp.kernel import kernel, ready
from dsp.lanes import LANES, lane_max, lane_sum, load, load_lanes, store_lanes
from dsp.receive.front.channel_plan import plan_bank
from dsp.receive.front.lane_plan import places, plan_passes, radices
from dsp.receive.front.lane_transform import PASSES_IN, PLANE, TURNS_IN, transform, transform_back

FLOATS = types.Array(types.float32, 1, "C", readonly=True)


@kernel(types.void(PLANE, PLANE, PASSES_IN, TURNS_IN))
def there(re, im, passes, turns):
    transform(re, im, passes, turns)


@kernel(types.void(PLANE, PLANE, PASSES_IN, TURNS_IN))
def back(re, im, passes, turns):
    transform_back(re, im, passes, turns)


@kernel(types.void(FLOATS, types.int64, PLANE, PLANE, PLANE))
def through_lanes(source, stride, re, im, target):
    load_lanes(source, 0, stride, re, im, 0)
    store_lanes(re, im, 0, target, 0, stride)


@kernel(types.UniTuple(types.float32, 2)(PLANE))
def sum_and_max(values):
    return lane_sum(load(values, 0)), lane_max(load(values, 0))


def blocks(length, seed=1):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((LANES, length)) + 1j * rng.standard_normal((LANES, length))
    planes = [np.ascontiguousarray(part.T, np.float32).ravel() for part in (z.real, z.imag)]
    return z, *planes


def joined(re, im):
    return (re.reshape(-1, LANES) + 1j * im.reshape(-1, LANES)).T


LENGTHS = sorted(
    {n for rate in (240_000, 1_024_000, 2_048_000, 2_400_000, 3_200_000)
     for n in (plan_bank(rate).block, plan_bank(rate).short_block)}
    | {2, 3, 4, 5, 8, 30, 60, 225, 1_000}
)  # fmt: skip


@pytest.mark.parametrize("length", LENGTHS)
def test_there_is_the_discrete_fourier_transform(length):
    ready(there)
    z, re, im = blocks(length)
    there(re, im, *plan_passes(length))
    expected = np.fft.fft(z, axis=1)
    got = joined(re, im)[:, places(length)]
    # Rounding of float32 grows with the number of passes: at most six.
    assert np.abs(got - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("length", LENGTHS)
def test_there_and_back(length):
    ready(there, back)
    z, re, im = blocks(length)
    plan = plan_passes(length)
    there(re, im, *plan)
    back(im, re, *plan)
    np.testing.assert_allclose(joined(re, im) / length, z, rtol=0, atol=4e-6)


@pytest.mark.parametrize("length", [0, 7, 11 * 64, 4_801])
def test_other_lengths_are_refused(length):
    with pytest.raises(ValueError, match="length: expected"):
        radices(length or 7)


def test_streams_go_through_lanes_and_come_back():
    ready(through_lanes)
    stride = 20
    source = np.arange(LANES * stride, dtype=np.float32)
    re, im = np.zeros(8 * LANES, np.float32), np.zeros(8 * LANES, np.float32)
    target = np.zeros_like(source)
    through_lanes(source, stride, re, im, target)
    streams = source.reshape(LANES, stride)
    np.testing.assert_array_equal(re.reshape(8, LANES), streams[:, 0:16:2].T)
    np.testing.assert_array_equal(im.reshape(8, LANES), streams[:, 1:16:2].T)
    np.testing.assert_array_equal(target.reshape(LANES, stride)[:, :16], streams[:, :16])
    assert not target.reshape(LANES, stride)[:, 16:].any()


def test_sum_and_max_of_the_lanes():
    ready(sum_and_max)
    values = np.random.default_rng(2).standard_normal(LANES).astype(np.float32)
    total, largest = sum_and_max(values)
    assert total == pytest.approx(values.sum(), abs=1e-5)
    assert largest == values.max()
