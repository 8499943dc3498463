"""Speech bands: flat where speech is, deaf to what would fold into it, right to float32."""

import numpy as np
import pytest

from dsp.recognise.grid import WINDOW, band_weights
from dsp.recognise.speech_bands import SpeechBands, decimation_taps


def sine(frequency_hz, rate_hz, seconds=0.5):
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate_hz)) / rate_hz).astype(
        np.float32
    )


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 32_000, 48_000])
@pytest.mark.parametrize("frequency_hz", [350.0, 1_000.0, 2_500.0, 3_300.0])
def test_every_rate_gives_the_powers_of_8_khz(rate_hz, frequency_hz):
    narrow = SpeechBands(8_000).process(sine(frequency_hz, 8_000))[10]
    wide = SpeechBands(rate_hz).process(sine(frequency_hz, rate_hz))[10]
    band = narrow.argmax()
    assert wide.argmax() == band
    assert 10 * np.log10(wide[band] / narrow[band]) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("frequency_hz", [4_700.0, 5_500.0, 7_500.0])
def test_what_lies_above_does_not_fold_into_speech(rate_hz, frequency_hz):
    loud = SpeechBands(8_000).process(sine(1_000.0, 8_000))[10].max()
    folded = SpeechBands(rate_hz).process(sine(frequency_hz, rate_hz))[10].max()
    assert folded < loud * 10 ** (-40 / 10)


def test_powers_are_the_weighted_spectrum():
    sound = np.random.default_rng(1).standard_normal(4_000).astype(np.float32)
    powers = SpeechBands(8_000).process(sound)
    window = np.hanning(WINDOW + 1)[:WINDOW]
    at = 10 * 160 - WINDOW // 2
    spectrum = np.abs(np.fft.rfft(sound[at : at + WINDOW].astype(float) * window)) ** 2
    # Sums of some forty float32 products.
    np.testing.assert_allclose(powers[10], spectrum @ band_weights(), rtol=2e-5)


def test_the_decimator_is_the_sum_of_its_taps():
    taps = decimation_taps(6)
    assert taps.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(taps, taps[::-1])
    sound = np.random.default_rng(1).standard_normal(6_000).astype(np.float32)
    bands = SpeechBands(48_000)
    out = bands._decimated(sound)
    padded = np.concatenate([np.zeros(len(taps) // 2), sound])
    for n in (0, 1, 63, 64, 500, len(out) - 1):
        expected = padded[n * 6 : n * 6 + len(taps)] @ taps.astype(float)
        # 97 products in float32.
        assert out[n] == pytest.approx(expected, abs=3e-6)


def test_other_rates_are_refused():
    with pytest.raises(ValueError, match="rate_hz"):
        SpeechBands(44_100)
