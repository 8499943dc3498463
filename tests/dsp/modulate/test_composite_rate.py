"""Multiplex to the capture's rate: the mean over each sample, flat, without images, on time."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.modulate.composite_rate import CompositeRate
from tests.dsp.stream_contract_suite import StreamContract

RATES_HZ = [768_000, 900_001, 1_024_000, 2_048_000, 2_400_000, 2_400_001, 3_200_000, 12_288_000]


class TestTwelveAndAHalf(StreamContract):
    rate = Fraction(25, 2)

    def make(self):
        return CompositeRate(2_400_000)


class TestAnyRate(StreamContract):
    rate = Fraction(1_000_003, 192_000)

    def make(self):
        return CompositeRate(1_000_003)


class TestAheadOfADecimator(StreamContract):
    rate = Fraction(4)

    def make(self):
        return CompositeRate(768_000, delay_multiple=4)


def means(hertz, first, count, rate_hz):
    """Mean of cos(2 pi hertz t) over each of the samples that end at first / rate_hz, …"""
    angle = 2 * np.pi * hertz / rate_hz * np.arange(first - 1, first + count)
    return np.diff(np.sin(angle)) / (2 * np.pi * hertz / rate_hz)


def raised(block, hertz, count=24_000):
    x = np.cos(2 * np.pi * hertz / 192_000 * np.arange(count)).astype(np.float32)
    settle = block.rate_hz // 2_000
    y = block.process(x)[block.delay_samples + settle :].astype(np.float64)
    return y, means(hertz, settle, len(y), block.rate_hz)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_flat_to_60_khz_and_on_time(rate_hz):
    for hertz in (50, 1_000, 15_000, 19_000, 38_000, 53_000, 57_000, 60_000):
        y, wanted = raised(CompositeRate(rate_hz), hertz)
        gain_db = 20 * np.log10(y @ wanted / (wanted @ wanted))
        assert gain_db == pytest.approx(0.0, abs=0.001)  # 0.02 is asked for
        # The ripple and two images at their common peak, each designed for 83 dB.
        assert 20 * np.log10(np.abs(y - wanted).max()) < -75.0


@pytest.mark.parametrize("rate_hz", [768_000, 2_400_000])
def test_images_are_80_db_down(rate_hz):
    for hertz in (15_000, 38_000, 53_000, 60_000):
        y, _ = raised(CompositeRate(rate_hz), hertz, 48_000)
        spectrum = np.abs(np.fft.rfft(y * np.blackman(len(y))))
        axis = np.fft.rfftfreq(len(y), 1 / rate_hz)
        rest = spectrum[np.abs(axis - hertz) > 500].max()
        assert 20 * np.log10(rest / spectrum.max()) < -80.0


def test_a_constant_stays_that_constant():
    y = CompositeRate(2_400_000).process(np.full(5_000, 0.75, np.float32))[1_000:]
    np.testing.assert_allclose(y, 0.75, atol=2e-7)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_no_drift_after_24_hours(rate_hz):
    block = CompositeRate(rate_hz)
    samples = 24 * 3_600 * rate_hz + 4_321
    error = Fraction(samples * block._step, 1 << 64) - Fraction(samples * 192_000, rate_hz)
    # In input samples; rounded up, so that none is ever given too early.
    assert 0 <= error < 2e-8


def test_a_day_has_the_right_number_of_samples():
    block = CompositeRate(2_400_000)
    seconds = 24 * 3_600
    assert block.output_length(seconds * 192_000) == pytest.approx(seconds * 2_400_000, abs=1)


@pytest.mark.parametrize("rate_hz", [192_000, 767_999, 13_000_000, 2_400_000.5])
def test_rates_that_cannot_be_are_refused(rate_hz):
    with pytest.raises(ValueError, match="rate_hz: expected"):
        CompositeRate(rate_hz)
