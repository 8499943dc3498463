import numpy as np
import pytest

from dsp.master import biquad
from dsp.master.equalizer import Curve, Equalizer
from dsp.master.high_pass import HighPass
from dsp.master.hum_notch import HumNotch
from tests.dsp.contract_suite import BlockContract, programme
from tests.naive.biquads import run_sections

RATE_HZ = 48_000


class TestHighPass(BlockContract):
    def make(self):
        return HighPass(RATE_HZ, 2, 80.0, order=4, gain_db=3.0)


class TestHumNotch(BlockContract):
    def make(self):
        return HumNotch(RATE_HZ, 2)


class TestEqualizer(BlockContract):
    def make(self):
        return Equalizer(RATE_HZ, 2, (Curve("peaking", 2500.0, 5.0), Curve("low_pass", 6000.0)))


def gain_db(sections, frequency_hz):
    at = biquad.response(sections, np.array([frequency_hz]), RATE_HZ)
    return 20 * np.log10(np.abs(at[0]))


def test_the_cascade_is_its_difference_equation():
    frames = programme(frames=600)
    sections = np.vstack(
        [biquad.high_pass(RATE_HZ, 80.0), biquad.peaking(RATE_HZ, 2500.0, 0.7, 6.0)]
    )
    block = biquad.BiquadCascade(sections, 2)
    # float32 output: 6e-8 of peaks of about 3.
    np.testing.assert_allclose(block.process(frames), run_sections(frames, sections), atol=5e-7)


def test_known_gains():
    assert gain_db(biquad.high_pass(RATE_HZ, 80.0), 80.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(biquad.low_pass(RATE_HZ, 6000.0), 6000.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(biquad.peaking(RATE_HZ, 2500.0, 0.7, 6.0), 2500.0) == pytest.approx(6.0)
    assert gain_db(biquad.high_shelf(RATE_HZ, 3000.0, 0.7, -4.0), 23_000.0) == pytest.approx(
        -4.0, abs=0.05
    )
    assert gain_db(biquad.all_pass(RATE_HZ, 700.0), 345.0) == pytest.approx(0.0, abs=1e-9)
    assert gain_db(biquad.band_pass(RATE_HZ, 700.0, 2.0), 700.0) == pytest.approx(0.0, abs=1e-9)


def test_a_butterworth_of_order_4_is_3_db_down_at_its_corner():
    rows = [biquad.low_pass(RATE_HZ, 5000.0, q) for q in biquad.butterworth_qs(4)]
    assert gain_db(np.vstack(rows), 5000.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(np.vstack(rows), 10_000.0) < -24.0


def test_a_dc_offset_is_gone_after_a_second():
    out = HighPass(RATE_HZ, 1, 20.0).process(np.full((RATE_HZ, 1), 0.3, np.float32))
    assert np.abs(out[-1000:]).max() < 1e-6


def test_hum_goes_and_the_voice_stays():
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    out = {}
    for frequency_hz in (50.0, 50.4, 300.0, 225.0, 1000.0):
        tone = np.sin(2 * np.pi * frequency_hz * seconds).astype(np.float32)[:, None]
        heard = HumNotch(RATE_HZ, 1).process(tone)[-RATE_HZ:]
        out[frequency_hz] = 10 * np.log10(2 * np.mean(heard.astype(np.float64) ** 2))
    assert out[50.0] < -60
    assert out[300.0] < -60
    assert out[50.4] < -12
    assert out[225.0] > -0.3
    assert out[1000.0] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("corner_hz", [0.0, 24_000.0, -5.0])
def test_a_corner_outside_the_band_is_refused(corner_hz):
    with pytest.raises(ValueError, match="corner_hz: expected within"):
        biquad.low_pass(RATE_HZ, corner_hz)


def test_an_unknown_curve_is_refused():
    with pytest.raises(ValueError, match="kind: expected high_pass"):
        Equalizer(RATE_HZ, 1, (Curve("low_shelf", 100.0),))


def test_silence_after_sound_leaves_no_denormals():
    block = HighPass(RATE_HZ, 1, 80.0)
    block.process(np.ones((100, 1), np.float32))
    block.process(np.zeros((10 * RATE_HZ, 1), np.float32))
    assert not block._stream[0].any()
