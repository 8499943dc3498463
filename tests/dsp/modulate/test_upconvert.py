"""A station at the capture's rate: what is demodulated is what was sent; Carson's bandwidth."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.coder.multiplex import Multiplex
from dsp.coder.settings import MultiplexSettings
from dsp.contract import BlockContractError
from dsp.modulate.upconvert import Upconverter
from tests.dsp.stream_contract_suite import StreamContract, real_piece
from tests.naive.modulator import demodulated, line_dbc, occupied_hz


class TestAtTwoPointFour(StreamContract):
    rate = Fraction(25, 2)

    def make(self):
        return Upconverter(2_400_000, 600_000.0, amplitude=0.3)


class TestSlow(StreamContract):
    rate = Fraction(250, 192)

    def make(self):
        return Upconverter(250_000)


class TestSlowest(StreamContract):
    rate = Fraction(1)

    def make(self):
        return Upconverter(192_000, 20_000.0)

    def test_out_equals_returned(self):
        # At this rate the block is asked for its length too.
        block = self.make()
        assert block.output_length(100) == len(block.process(self.piece(100)))
        super().test_out_equals_returned()


def composite(*tones, count=48_000):
    """Sum of (hertz, deviation in Hz) cosines at 192 kHz."""
    t = np.arange(count) / 192_000
    return sum(d / 1e5 * np.cos(2 * np.pi * f * t) for f, d in tones).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [1_000_000, 2_048_000, 2_400_000, 3_200_000, 2_399_999])
@pytest.mark.parametrize("hertz", [100, 19_000, 53_000, 60_000])
def test_the_multiplex_comes_back_flat(rate_hz, hertz):
    block = Upconverter(rate_hz, 0.1 * rate_hz)
    iq = block.process(composite((hertz, 40_000)))
    y = demodulated(iq, rate_hz)[block.delay_samples + rate_hz // 1_000 :] - 0.1 * rate_hz / 1e5
    m = np.arange(len(y)) + rate_hz // 1_000
    # A discriminator gives the mean over a sample: take that out to compare with the multiplex.
    droop = np.sinc(hertz / rate_hz)
    wanted = 0.4 * droop * np.cos(2 * np.pi * hertz * (m + 0.5) / rate_hz)
    gain_db = 20 * np.log10(y @ wanted / (wanted @ wanted))
    assert gain_db == pytest.approx(0.0, abs=0.002)  # 0.02 is asked for
    assert np.abs(y - wanted).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [225_001, 250_000, 300_000])
@pytest.mark.parametrize("hertz", [100, 19_000, 57_000])
def test_slow_captures_keep_what_they_can(rate_hz, hertz):
    """Small deviation, so that all of the signal lies inside the capture's filter."""
    block = Upconverter(rate_hz)
    iq = block.process(composite((hertz, 200)))
    y = demodulated(iq, rate_hz)[block.delay_samples + rate_hz // 500 :]
    m = np.arange(len(y)) + rate_hz // 500
    wanted = 0.002 * np.sinc(hertz / rate_hz) * np.cos(2 * np.pi * hertz * (m + 0.5) / rate_hz)
    assert 20 * np.log10(y @ wanted / (wanted @ wanted)) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("rate_hz", [1_000_000, 2_400_000])
def test_spurs_are_80_db_below_the_carrier(rate_hz):
    """Pilot, 53 kHz and 57 kHz at their highest: no line but those of their own FM."""
    block = Upconverter(rate_hz)
    tones = ((19_000, 7_500), (53_000, 30_000), (57_000, 4_000))
    count = 96_000
    iq = block.process(composite(*tones, count=count + 20_000))
    iq = iq[block.delay_samples + 2_000 :][: count * rate_hz // 192_000]
    # All frequencies are whole kHz: so is every line of true FM.
    spectrum = np.abs(np.fft.fft(iq * np.blackman(len(iq)))) / np.blackman(len(iq)).sum()
    hertz = np.fft.fftfreq(len(iq), 1 / rate_hz)
    between = np.abs((hertz + 500) % 1_000 - 500) > 20
    assert 20 * np.log10(spectrum[between].max()) < -90.0
    exact = np.zeros(len(iq), np.longdouble)
    first = 2_000
    t = (np.arange(len(iq)) + first) / np.longdouble(rate_hz)
    for f, d in tones:
        exact += d / (2 * np.pi * f) * np.sin(2 * np.pi * f * t)
    error = iq * np.exp(-2j * np.pi * exact.astype(np.float64))
    rest = np.abs(np.fft.fft(error / error.mean() * np.blackman(len(iq))))
    rest /= np.blackman(len(iq)).sum()
    assert 20 * np.log10(rest[np.abs(hertz) > 100].max()) < -80.0


@pytest.mark.parametrize("zero", [5.520078, 8.653728, 11.791534, 14.930918])
@pytest.mark.parametrize("rated_hz", [75_000.0, 50_000.0])
def test_bessel_nulls_of_coder_and_modulator(zero, rated_hz):
    """A tone at full scale through the coder: the carrier vanishes (facts 2.1)."""
    settings = MultiplexSettings(rated_deviation_hz=rated_hz, stereo=False, pre_emphasis_us=0.0)
    hertz = rated_hz / zero
    drive = 10 ** (-0.006 / 20)  # just below the margin of the ceiling
    # The index is drive · rated / hertz: lower the tone by as much.
    x = drive * np.sin(2 * np.pi * hertz * drive / 48_000 * np.arange(24_000))
    x *= np.minimum(1.0, np.arange(24_000) / 2_000)
    made = Multiplex(settings, channels=1).process(x.astype(np.float32)[:, None])
    iq = Upconverter(2_400_000, 200_000.0).process(made)[240_000:]
    assert line_dbc(iq, 200_000.0, 2_400_000) < -60.0


@pytest.mark.parametrize(
    ("rated_hz", "stereo", "carson_hz"),
    [
        (75_000.0, False, 180_000),
        (75_000.0, True, 256_000),
        (50_000.0, False, 130_000),
        (50_000.0, True, 206_000),
    ],
)
def test_occupied_bandwidth_is_within_carson(rated_hz, stereo, carson_hz):
    """Noise at full level: 99 % of the power lie inside Carson's bandwidth."""
    rng = np.random.default_rng(3)
    settings = MultiplexSettings(rated_deviation_hz=rated_hz, stereo=stereo, pre_emphasis_us=0.0)
    frames = (rng.standard_normal((12_000, 2)) * 3).astype(np.float32)
    iq = Upconverter(2_400_000).process(Multiplex(settings).process(frames))[100_000:]
    assert 0.35 * carson_hz < occupied_hz(iq, 2_400_000) < carson_hz


def test_occupied_bandwidth_of_a_tone():
    """β = 5 at 15 kHz: 99 % of the power are the lines to n = 6, Σ J² = 0.9937; to n = 5 0.96."""
    iq = Upconverter(2_400_000).process(composite((15_000, 75_000)))[10_000:]
    assert occupied_hz(iq, 2_400_000) == pytest.approx(180_000, abs=3_000)


def test_a_moving_offset():
    block = Upconverter(2_400_000)
    x = np.zeros(9_600, np.float32)
    first = block.process(x)
    ramp = np.linspace(0.0, 10_000.0, block.offsets_length(len(x)))
    second = block.process(x, offset_hz=ramp)
    measured = demodulated(np.concatenate([first[-1:], second]), 2_400_000) * 1e5
    np.testing.assert_allclose(measured, ramp, atol=0.5)


def test_a_refused_offset_leaves_the_state_untouched():
    block, twin = Upconverter(2_400_000), Upconverter(2_400_000)
    x = real_piece(5_000)
    with pytest.raises(BlockContractError, match="offset_hz"):
        block.process(x, offset_hz=np.zeros(17))
    np.testing.assert_array_equal(block.process(x), twin.process(x))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((191_999,), "rate_hz"),
        ((3_200_001,), "rate_hz"),
        ((2_400_000, 1_200_001.0), "offset_hz"),
        ((2_400_000, float("nan")), "offset_hz"),
    ],
)
def test_what_cannot_be_built_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Upconverter(*arguments)
