import numpy as np
import pytest

from dsp.master import biquad
from dsp.master.compressor import Compressor, CompressorSettings
from dsp.master.crossover import band_sections
from dsp.master.de_esser import DeEsser, DeEsserSettings
from tests.dsp.contract_suite import BlockContract
from tests.naive.biquads import run_sections

RATE_HZ = 48_000
CORNERS_HZ = (300.0, 1000.0, 4000.0)
SETTINGS = CompressorSettings(CORNERS_HZ, (-30.0,) * 4, gate_dbfs=-50.0)
IDLE = CompressorSettings(CORNERS_HZ, (40.0,) * 4, gate_dbfs=-50.0)


class TestCompressor(BlockContract):
    def make(self):
        return Compressor(RATE_HZ, 2, SETTINGS)


class TestDeEsser(BlockContract):
    def make(self):
        return DeEsser(RATE_HZ, 2, DeEsserSettings())


def tone(frequency_hz, peak, seconds=1.0):
    n = np.arange(round(seconds * RATE_HZ))
    return (peak * np.sin(2 * np.pi * frequency_hz / RATE_HZ * n)).astype(np.float32)[:, None]


def level_db(frames):
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2))


@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 48_000])
@pytest.mark.parametrize(
    "make", [lambda r: Compressor(r, 1, IDLE), lambda r: DeEsser(r, 1, DeEsserSettings())]
)
def test_flat_when_idle(make, rate_hz):
    impulse = np.zeros((rate_hz, 1), np.float32)
    impulse[0] = 0.01
    heard = make(rate_hz).process(impulse)[:, 0].astype(np.float64)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(heard / 0.01)))
    assert np.abs(gain_db).max() < 0.1


@pytest.mark.parametrize("frequency_hz", [50.0, 500.0, 2700.0, 16_000.0])
def test_a_loud_tone_is_turned_down_by_the_slope(frequency_hz):
    # 10 dB over, ratio 3: 6.7 dB down. What leaks into both neighbours (-31 dB) adds up to 1 dB.
    settings = CompressorSettings((200.0, 1200.0, 6000.0), (-20.0,) * 4, gate_dbfs=-50.0)
    frames = tone(frequency_hz, np.sqrt(2) * 10 ** (-10 / 20), 2.0)
    heard = Compressor(RATE_HZ, 1, settings).process(frames)
    assert level_db(heard[-RATE_HZ:]) - level_db(frames[-RATE_HZ:]) == pytest.approx(-6.7, abs=1.1)


def test_bands_are_the_cascades_they_are_defined_by():
    frames = np.random.default_rng(1).standard_normal((500, 1)).astype(np.float32) * 0.1
    bands = [run_sections(frames, rows) for rows in band_sections(RATE_HZ, CORNERS_HZ)]
    heard = Compressor(RATE_HZ, 1, IDLE).process(frames)
    np.testing.assert_allclose(heard, sum(bands), atol=1e-6)


def test_the_definition_of_the_crossover_is_flat_in_sum():
    at = np.geomspace(20, 20_000, 300)
    total = sum(biquad.response(r, at, RATE_HZ) for r in band_sections(RATE_HZ, CORNERS_HZ))
    assert np.abs(20 * np.log10(np.abs(total))).max() < 1e-9


def test_a_pause_is_raised_no_more_than_the_speech():
    loud, quiet = tone(600.0, 0.3, 4.0), tone(600.0, 0.001, 1.0)
    heard = Compressor(RATE_HZ, 1, SETTINGS).process(np.concatenate((loud, quiet)))
    speech_db = level_db(heard[RATE_HZ : 4 * RATE_HZ]) - level_db(loud[RATE_HZ:])
    pause_db = level_db(heard[-RATE_HZ // 2 :]) - level_db(quiet[-RATE_HZ // 2 :])
    assert speech_db < -6
    assert pause_db < speech_db + 2.0  # the mean of the first seconds still grows


def test_a_sharp_s_is_softened_and_the_voice_left():
    voice, hiss = tone(400.0, 0.1), tone(8000.0, 0.2)
    heard = DeEsser(RATE_HZ, 1, DeEsserSettings()).process(voice + hiss)
    spectrum = np.abs(np.fft.rfft(heard[-RATE_HZ // 2 :, 0])) / (RATE_HZ / 4)
    assert 20 * np.log10(spectrum[200] / 0.1) == pytest.approx(0.0, abs=0.1)
    assert 20 * np.log10(spectrum[4000] / 0.2) < -2.5


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="thresholds_dbfs: expected 4"):
        Compressor(RATE_HZ, 1, CompressorSettings(CORNERS_HZ, (-30.0,), gate_dbfs=-50.0))
    with pytest.raises(ValueError, match="corners_hz: expected rising"):
        Compressor(RATE_HZ, 1, CompressorSettings((900.0, 300.0), (-30.0,) * 3, gate_dbfs=-50.0))
