"""The receiver's DC comes off a station at the centre; the station's own carrier never does."""

import numpy as np
import pytest

from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channelizer import Channelizer
from tests.naive.channels import tone
from tests.naive.discriminating import fm_tone

RATE_HZ = 2_400_000
DC = 0.02 - 0.01j


def noise(n, rms, seed=2):
    rng = np.random.default_rng(seed)
    return rms / np.sqrt(2) * (rng.standard_normal(n) + 1j * rng.standard_normal(n))


@pytest.mark.parametrize("offset_hz", [0.0, 40_000.0, -90_000.0])
@pytest.mark.parametrize("deviation_hz", [5_000.0, 50_000.0])
def test_dc_comes_off_a_modulated_station(offset_hz, deviation_hz):
    n = RATE_HZ
    iq = 0.3 * fm_tone(n, RATE_HZ, 1_000.0, deviation_hz, offset_hz) + DC + noise(n, 0.01)
    block = Channelizer(RATE_HZ, [offset_hz])
    baseband = np.ascontiguousarray(block.process(iq.astype(np.complex64))[0])
    assert block.centre_lines[0] == pytest.approx(DC, abs=3e-4)
    envelope = np.abs(baseband[len(baseband) // 2 :])
    # DC of 0.022 would swing the envelope by ±0.022; noise alone has a deviation of 0.0025.
    assert envelope.std() < 0.004


def test_a_bare_carrier_at_the_very_centre_is_not_eaten():
    iq = tone(RATE_HZ, RATE_HZ, 0.0, 0.3) + noise(RATE_HZ, 0.01)
    block = Channelizer(RATE_HZ, [0.0])
    baseband = block.process(iq.astype(np.complex64))[0, 1_000:]
    assert block.centre_lines[0] == 0
    assert np.abs(baseband).mean() == pytest.approx(0.3, abs=1e-3)


def test_a_pause_of_the_station_does_not_spoil_what_was_learnt():
    n = RATE_HZ
    speech = 0.3 * fm_tone(n, RATE_HZ, 1_000.0, 30_000.0) + DC
    pause = tone(n, RATE_HZ, 0.0, 0.3) + DC
    block = Channelizer(RATE_HZ, [0.0])
    block.process(speech.astype(np.complex64))
    silent = block.process(pause.astype(np.complex64))[0, 60_000:]
    assert np.abs(silent).mean() == pytest.approx(0.3, abs=1e-3)


def test_deviation_of_a_station_at_the_centre_is_right_in_spite_of_dc():
    iq = 0.2 * fm_tone(RATE_HZ, RATE_HZ, 1_000.0, 75_000.0) + DC
    baseband = Channelizer(RATE_HZ, [0.0]).process(iq.astype(np.complex64))[0]
    composite = Discriminator().process(np.ascontiguousarray(baseband))[60_000:]
    # DC at a tenth of the carrier would add several kHz.
    assert 1e5 * np.abs(composite).max() == pytest.approx(75_000.0, abs=100.0)


def test_stations_away_from_the_centre_need_none():
    block = Channelizer(RATE_HZ, [400_000.0])
    assert block.centre_lines == {}
    iq = 0.3 * fm_tone(240_000, RATE_HZ, 1_000.0, 50_000.0, 400_000.0) + 0.1
    baseband = block.process(iq.astype(np.complex64))[0, 300:]
    np.testing.assert_allclose(np.abs(baseband), 0.3, rtol=0, atol=1e-3)


def test_a_bare_carrier_deep_in_noise_is_not_eaten():
    # 3 dB of carrier over noise in the channel: noise alone goes round evenly.
    iq = tone(RATE_HZ, RATE_HZ, 0.0, 0.3) + noise(RATE_HZ, 0.6)
    block = Channelizer(RATE_HZ, [0.0])
    baseband = block.process(iq.astype(np.complex64))[0, 1_000:]
    assert np.abs(baseband.mean()) == pytest.approx(0.3, abs=0.01)


def test_an_arc_is_no_circle():
    # A third of a radian to and fro, in noise: the best circle through it is far too small.
    iq = 0.3 * fm_tone(RATE_HZ, RATE_HZ, 1_000.0, 330.0) + noise(RATE_HZ, 0.15)
    block = Channelizer(RATE_HZ, [0.0])
    block.process(iq.astype(np.complex64))
    assert block.centre_lines[0] == 0
