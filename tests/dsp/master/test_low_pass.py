"""Linear-phase low-pass: contract, twin, and the two masks it is built for."""

import numpy as np
import pytest

from dsp.master.fm_limiter import make_audio_low_pass
from dsp.master.limiter import make_band_limit
from dsp.master.low_pass import LinearPhaseLowPass
from tests.dsp.contract_suite import BlockContract, programme


class TestLinearPhaseLowPass(BlockContract):
    def make(self):
        return LinearPhaseLowPass(48_000, 2, pass_hz=8_000, stop_hz=10_000)


def response_db(block, frequencies_hz, sample_rate_hz):
    n = np.arange(len(block.taps))
    turns = np.outer(np.asarray(frequencies_hz) / sample_rate_hz, n)
    return 20 * np.log10(np.abs(np.exp(-2j * np.pi * turns) @ block.taps) + 1e-12)


def test_equals_numpy_convolution():
    block = LinearPhaseLowPass(48_000, 1, pass_hz=8_000, stop_hz=10_000)
    x = programme(frames=3_000, channels=1)
    wanted = np.convolve(x[:, 0].astype(np.float64), block.taps)[:3_000]
    # float32 sums of 128 terms of at most 0.4 × 3: 128 · 6e-8 · 1.2, in the worst case.
    np.testing.assert_allclose(block.process(x)[:, 0], wanted, atol=1e-5)


def test_an_impulse_comes_out_symmetric_about_the_delay():
    block = LinearPhaseLowPass(48_000, 1, pass_hz=8_000, stop_hz=10_000)
    x = np.zeros((400, 1), np.float32)
    x[100] = 1.0
    y = block.process(x)[:, 0]
    centre = 100 + block.delay_samples
    assert y.argmax() == centre
    np.testing.assert_allclose(y[centre - 50 : centre], y[centre + 50 : centre : -1], atol=1e-7)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000, 192_000])
def test_the_band_limit_of_a_master(rate_hz):
    block = make_band_limit(rate_hz, 1)
    flat = response_db(block, np.linspace(0, 0.4125 * rate_hz, 300), rate_hz)
    stopped = response_db(block, np.linspace(0.46 * rate_hz, 0.5 * rate_hz, 300), rate_hz)
    assert np.abs(flat).max() < 0.05
    assert stopped.max() < -48.0


@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 48_000, 96_000])
def test_the_15_khz_low_pass(rate_hz):
    block = make_audio_low_pass(rate_hz, 1)
    assert np.abs(response_db(block, np.linspace(0, 15_000, 500), rate_hz)).max() < 0.1
    assert response_db(block, np.linspace(15_800, rate_hz / 2, 500), rate_hz).max() < -48.0


def test_edges_must_fit_below_half_the_rate():
    with pytest.raises(ValueError, match=r"^pass_hz: expected"):
        LinearPhaseLowPass(16_000, 1, pass_hz=7_000, stop_hz=9_000)
