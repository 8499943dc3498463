"""A clock that is off: time, the carrier and the multiplex it samples, against their formulas."""

import math

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.modulate.time_base import ClockedComposite, TimeBase

RATE = 192_000


def sine(frequency_hz, n):
    return np.sin(2 * np.pi * frequency_hz * np.arange(n) / RATE).astype(np.float32)


@pytest.mark.parametrize("clock", [TimeBase(37.0), TimeBase(-100.0, 20.0), TimeBase(0.0, 5.0)])
def test_true_time_is_the_integral_of_the_rate(clock):
    # Simpson's rule over 1 / (1 + e), an hour in steps of a second.
    seconds = np.linspace(0.0, 3_600.0, 7_201)
    slowness = 1.0 / (1.0 + (clock.ppm + clock.ppm_per_min * seconds / 60) * 1e-6)
    weights = np.ones(7_201)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    assert clock.true_s(3_600.0) == pytest.approx((slowness @ weights) / 6.0, abs=1e-9)
    assert clock.shown_s(clock.true_s(3_600.0)) == pytest.approx(3_600.0, abs=1e-9)


def test_a_fast_clock_sees_a_carrier_too_low():
    # 100 MHz and +50 ppm: 5 kHz low, less 0.25 Hz of second order.
    seen = TimeBase(50.0).apparent_offset_hz(100e6, 99.5e6, 0.0)
    assert seen == pytest.approx(100e6 / (1 + 50e-6) - 99.5e6, abs=1e-6)
    assert seen == pytest.approx(495_000.25, abs=0.01)
    # 2 ppm per minute: after 3 minutes 6 ppm more.
    assert TimeBase(50.0, 2.0).error(180.0) == pytest.approx(56e-6)


@pytest.mark.parametrize("frequency_hz", [50.0, 19_000.0, 57_000.0])
@pytest.mark.parametrize("clock", [TimeBase(100.0, 30.0), TimeBase(-40.0)])
def test_a_sine_is_slowed_and_scaled_by_the_clock(clock, frequency_hz):
    out = ClockedComposite(RATE, clock).process(sine(frequency_hz, 100_000))
    assert len(out) >= 100_000 - 4_096 - 32
    seconds = np.arange(len(out)) / RATE
    true_s = np.array([clock.true_s(s) for s in seconds])
    slowed = 1.0 / (1.0 + (clock.ppm + clock.ppm_per_min * seconds / 60) * 1e-6)
    wanted = slowed * np.sin(2 * np.pi * frequency_hz * true_s)
    # -97 dB; the first taps reach into the silence before the start.
    np.testing.assert_allclose(out[16:], wanted[16:], rtol=0, atol=1.5e-5)


def test_an_exact_clock_changes_nothing():
    samples = sine(1_000.0, 5_000)
    np.testing.assert_array_equal(ClockedComposite(RATE, TimeBase()).process(samples), samples)


@pytest.mark.parametrize("seed", range(3))
def test_cut_anywhere(seed):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(60_000).astype(np.float32)
    clock = TimeBase(80.0, 10.0)
    whole = ClockedComposite(RATE, clock).process(samples)
    block = ClockedComposite(RATE, clock)
    cuts = np.sort(rng.integers(0, len(samples), 12))
    cut = np.concatenate([block.process(piece) for piece in np.split(samples, cuts)])
    np.testing.assert_array_equal(cut, whole)
    block.reset()
    np.testing.assert_array_equal(block.process(samples), whole)


def test_a_refused_piece_leaves_the_state_untouched():
    samples = sine(1_000.0, 20_000)
    block, twin = (ClockedComposite(RATE, TimeBase(10.0)) for _ in range(2))
    for spoilt in (samples.astype(np.float64), samples[None], np.full(9, np.nan, np.float32)):
        with pytest.raises(BlockContractError):
            block.process(spoilt)
    np.testing.assert_array_equal(block.process(samples), twin.process(samples))


def test_a_clock_beyond_any_crystal_is_refused():
    with pytest.raises(ValueError, match="ppm"):
        ClockedComposite(RATE, TimeBase(300.0))
    assert math.isfinite(TimeBase(1e-9, 1e-12).true_s(1e5))
