"""Silence, hiss, a bare carrier, nothing at all: told apart, and a programme is none of them."""

import numpy as np
import pytest

from dsp.fm.profiles import PROFILES
from dsp.receive.station_meters import StationMeters
from tests.dsp.receive.composite.test_stereo_decoder import emphasised
from tests.dsp.receive.radio import RATE, multiplex, noise_only, on_air, tone
from tests.dsp.receive.test_station_meters import programme


def found(composite_hz, cn_db=35.0, count=1):
    composite, iq = on_air(composite_hz, cn_db=cn_db)
    records = StationMeters(PROFILES["75k50us"], phase_step=True).process(composite, iq)
    return set(records[count - 1].findings)


def band_noise(count, high_hz, seed=8):
    rng = np.random.default_rng(seed)
    n = RATE * count
    keep = np.fft.rfftfreq(n, 1.0 / RATE) < high_hz
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * keep, n)
    return wave / wave.std()


@pytest.mark.parametrize("cn_db", [15.0, 20.0, 40.0])
def test_a_programme_has_no_findings(cn_db):
    assert found(programme(2), cn_db) == set()


@pytest.mark.parametrize("cn_db", [15.0, 25.0, 40.0])
def test_a_bare_carrier_has_no_audio(cn_db):
    state = found(np.zeros(2 * RATE), cn_db)
    assert "no_audio" in state
    assert "off_air" not in state
    if cn_db > 20:
        assert state == {"no_audio", "silence"}


def test_a_pilot_alone_is_no_audio_too():
    assert found(tone(19_000, 6_750.0, 2)) == {"no_audio", "silence"}


def test_a_pause_is_silence_but_not_a_dead_input():
    quiet = band_noise(2, 3_000.0) * 0.002
    assert found(multiplex(quiet, 0.3 * quiet)) == {"silence"} or found(
        multiplex(quiet, quiet)
    ) == {"silence", "no_audio"}


def test_noise_without_a_carrier_is_off_air_and_nothing_else():
    records = StationMeters(PROFILES["75k50us"], phase_step=True).process(*noise_only(2))
    assert records[0].findings == ("off_air",)


@pytest.mark.parametrize("pilot_hz", [0.0, 6_750.0])
def test_noise_with_a_carrier_is_hiss(pilot_hz):
    hiss = 0.1 * band_noise(2, 15_000.0)
    assert found(multiplex(hiss, hiss, pilot_hz=pilot_hz)) == {"hiss"}
    shaped = emphasised(0.05 * band_noise(2, 15_000.0))
    assert "hiss" in found(multiplex(shaped, shaped, pilot_hz=pilot_hz))


@pytest.mark.parametrize("frequency", [200, 1_000, 8_000])
def test_a_tone_is_not_hiss(frequency):
    assert found(tone(frequency, 30_000.0, 2)) == set()


def test_music_like_sums_of_tones_are_not_hiss():
    rng = np.random.default_rng(3)
    wave = sum(tone(f, 1_500.0, 2, phase=f) for f in rng.uniform(100, 8_000, 40))
    assert found(wave) == set()


def test_one_channel_is_told():
    left = emphasised(0.15 * band_noise(2, 4_000.0) * np.repeat([0.2, 1.0, 0.5, 0.8], RATE // 2))
    assert found(multiplex(left, 0 * left)) == {"one_channel"}
    assert found(multiplex(left, 0.3 * left)) == set()


def test_hum_needs_five_seconds_and_is_found():
    speech = programme(8, seed=2)
    assert not any("hum" in found(speech, count=k) for k in (1, 7))
    hum = tone(50, 1_500.0, 8) + tone(150, 700.0, 8)
    assert "hum" in found(speech + hum, count=7)


def test_a_pilot_that_leaves_is_missed():
    composite = np.concatenate([programme(4), programme(2) - tone(19_000, 6_750.0, 2)])
    assert "no_pilot" in found(composite, count=5)
    assert "no_pilot" not in found(programme(2) - tone(19_000, 6_750.0, 2))
