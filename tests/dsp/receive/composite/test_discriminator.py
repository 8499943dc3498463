"""The discriminator: known deviations, a slow twin, distortion, delay, the by-product."""

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.receive.composite.discriminator import FLAT_HZ, RIPPLE, Discriminator, design_equaliser
from tests.dsp.stream_contract_suite import StreamContract, iq_piece
from tests.naive.discriminating import demodulated, fm_tone

RATE_HZ = 288_000


class TestContract(StreamContract):
    kind = "iq"

    def make(self):
        return Discriminator(RATE_HZ)


def test_equals_the_slow_twin():
    iq = iq_piece(20_000)
    block = Discriminator(RATE_HZ)
    expected = demodulated(iq, block.equaliser, RATE_HZ)
    # A step of half a turn may fall on either side; there are none in this piece. 6e-7 rad of the
    # arctangent and 2e-7 of float32, times 0.458 per radian and a sum of |taps| of 1.4.
    np.testing.assert_allclose(block.process(iq), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("offset_hz", [-120_000.0, -1_444.0, 0.0, 31_000.0, 130_000.0])
def test_an_offset_is_a_constant(offset_hz):
    iq = fm_tone(2_000, RATE_HZ, 1_000.0, 0.0, offset_hz)
    composite = Discriminator(RATE_HZ).process(iq)[100:]
    np.testing.assert_allclose(composite, offset_hz / 1e5, rtol=0, atol=2e-6)


@pytest.mark.parametrize("tone_hz", [50.0, 1_000.0, 15_000.0, 19_000.0, 57_000.0, 76_000.0])
def test_a_tone_has_its_deviation_and_its_time(tone_hz):
    deviation_hz = 20_000.0
    n = RATE_HZ // 10
    composite = Discriminator(RATE_HZ).process(fm_tone(n, RATE_HZ, tone_hz, deviation_hz))
    t = (np.arange(n) - Discriminator.delay_samples) / RATE_HZ
    expected = deviation_hz / 1e5 * np.cos(2 * np.pi * tone_hz * t)
    np.testing.assert_allclose(composite[100:], expected[100:], rtol=0, atol=0.2 * RIPPLE + 2e-6)


@pytest.mark.parametrize("deviation_hz", [10_000.0, 75_000.0, 130_000.0])
def test_distortion_and_noise_of_a_tone_are_below_minus_90_db(deviation_hz):
    n = RATE_HZ // 2
    composite = Discriminator(RATE_HZ).process(fm_tone(n + 1_000, RATE_HZ, 1_000.0, deviation_hz))
    power = np.abs(np.fft.rfft(composite[1_000:].astype(np.float64))) ** 2
    tone_bin = 500  # 1 kHz in half a second
    rest = power.sum() - power[0] - power[tone_bin]
    assert 10 * np.log10(rest / power[tone_bin]) < -90.0


def test_the_equaliser_undoes_the_mean_over_an_interval():
    f = np.linspace(0, FLAT_HZ, 400)
    taps = design_equaliser(RATE_HZ)
    k = np.arange(len(taps)) - (len(taps) - 1) / 2
    response = np.cos(2 * np.pi * np.outer(f / RATE_HZ, k)) @ taps * np.sinc(f / RATE_HZ)
    np.testing.assert_allclose(response, 1.0, rtol=0, atol=RIPPLE)


def test_amplitudes_come_per_slot_however_the_stream_is_cut():
    rng = np.random.default_rng(3)
    n = 3 * RATE_HZ // 20 + 500
    iq = (0.5 + 0.1 * rng.standard_normal(n)).astype(np.complex64) * fm_tone(n, RATE_HZ, 1e3, 5e4)
    whole, cut = Discriminator(RATE_HZ), Discriminator(RATE_HZ)
    whole.process(iq)
    for start in range(0, n, 1_777):
        cut.process(np.ascontiguousarray(iq[start : start + 1_777]))
    slots = whole.take_amplitudes()
    np.testing.assert_allclose(cut.take_amplitudes(), slots, rtol=1e-5)
    of_slots = np.abs(iq[: 3 * RATE_HZ // 20]).astype(np.float64).reshape(3, -1)
    np.testing.assert_allclose(slots[:, 0], of_slots.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(slots[:, 1], of_slots.var(axis=1), rtol=1e-3)
    assert whole.take_amplitudes().shape == (0, 2)


def test_a_constant_envelope_has_no_variance():
    block = Discriminator(RATE_HZ)
    block.process(fm_tone(RATE_HZ // 20, RATE_HZ, 1e3, 7.5e4))
    [[mean, variance]] = block.take_amplitudes()
    assert mean == pytest.approx(1.0, abs=1e-6)
    assert variance < 1e-6


def test_a_refused_piece_does_not_touch_the_amplitudes():
    block, twin = Discriminator(RATE_HZ), Discriminator(RATE_HZ)
    iq = iq_piece(20_000)
    spoiled = iq.copy()
    spoiled[-1] = np.nan
    with pytest.raises(BlockContractError):
        block.process(spoiled)
    block.process(iq)
    twin.process(iq)
    np.testing.assert_array_equal(block.take_amplitudes(), twin.take_amplitudes())


@pytest.mark.parametrize("rate_hz", [0, 48_000, 2_400_000])
def test_a_rate_out_of_range_is_refused(rate_hz):
    with pytest.raises(ValueError, match="rate_hz: expected within"):
        Discriminator(rate_hz)
