"""Pre-emphasis against the analogue curve, and de-emphasis that undoes it."""

import math

import numpy as np
import pytest
from scipy.signal import freqz

from dsp.master.emphasis import Emphasis
from tests.dsp.contract_suite import BlockContract, programme

# facts.md 2.1, computed from the analogue curve: frequency in Hz, gain in dB.
CURVE_50_US = [
    (400, 0.068), (1_000, 0.409), (2_000, 1.445), (3_183, 3.010), (4_000, 4.115), (5_000, 5.400),
    (6_000, 6.583), (8_000, 8.643), (10_000, 10.362), (12_500, 12.154), (15_000, 13.656),
]  # fmt: skip
CURVE_75_US = [(1_000, 0.871), (3_183, 5.119), (5_000, 8.164), (10_000, 13.656), (15_000, 17.073)]


class TestEmphasis(BlockContract):
    def make(self):
        return Emphasis(48_000, 2, tau_us=50.0)


class TestDeEmphasis(BlockContract):
    def make(self):
        return Emphasis(48_000, 2, tau_us=75.0, inverse=True)


def gain_db(block, frequency_hz, rate_hz):
    b0, b1, b2, a1, a2 = block.coefficients
    _, response = freqz([b0, b1, b2], [1.0, a1, a2], [frequency_hz], fs=rate_hz)
    return 20 * math.log10(abs(response[0]))


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize(("tau_us", "curve"), [(50.0, CURVE_50_US), (75.0, CURVE_75_US)])
def test_the_analogue_curve_to_15_khz(rate_hz, tau_us, curve):
    block = Emphasis(rate_hz, 1, tau_us=tau_us)
    for frequency_hz, wanted_db in curve:
        assert gain_db(block, frequency_hz, rate_hz) == pytest.approx(wanted_db, abs=0.005)


def test_at_32_khz_within_a_tenth_of_a_decibel():
    block = Emphasis(32_000, 1, tau_us=50.0)
    for frequency_hz, wanted_db in CURVE_50_US:
        assert gain_db(block, frequency_hz, 32_000) == pytest.approx(wanted_db, abs=0.1)


@pytest.mark.parametrize("rate_hz", [32_000, 48_000, 96_000])
@pytest.mark.parametrize("tau_us", [50.0, 75.0])
def test_de_emphasis_undoes_pre_emphasis(rate_hz, tau_us):
    x = programme(channels=1)
    raised = Emphasis(rate_hz, 1, tau_us=tau_us).process(x)
    back = Emphasis(rate_hz, 1, tau_us=tau_us, inverse=True).process(raised)
    # One rounding to float32 in between, of values up to ten times as large.
    np.testing.assert_allclose(back, x, atol=5e-6)


@pytest.mark.parametrize(
    ("name", "rate_hz", "tau_us"), [("sample_rate_hz", 16_000, 50.0), ("tau_us", 48_000, 5.0)]
)
def test_construction_names_what_is_wrong(name, rate_hz, tau_us):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Emphasis(rate_hz, 1, tau_us=tau_us)
