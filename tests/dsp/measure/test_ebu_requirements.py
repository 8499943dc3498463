"""EBU Tech 3341 v4 (cases 1 to 6, 9 to 23) and Tech 3342 v4 (1 to 4) at three rates.

Cases 7 and 8 (5 and 6 of Tech 3342) are recordings that only EBU may hand out.
"""

import numpy as np
import pytest

from dsp.measure import loudness
from dsp.measure.loudness import KWeightedEnergy
from dsp.measure.true_peak import TruePeakMeter
from tests.dsp.measure.signals import frames, hidden_burst, measure, peak_sine, tone

RATES = [44_100, 48_000, 96_000]
# Tech 3341 §2.9: ±0.1 LU; true peak +0.2/-0.4 dB. Tech 3342: ±1 LU.
LU = 0.1


@pytest.fixture(params=RATES)
def rate(request):
    return request.param


def energy(sound, rate):
    meter = KWeightedEnergy(rate, sound.shape[1])
    meter.process(np.ascontiguousarray(sound))
    return meter.energies()


@pytest.mark.parametrize("level", [-23.0, -33.0], ids=["1", "2"])
def test_case_1_and_2_steady_tone(level, rate):
    found = measure(tone([(level, 20)], rate), rate)
    assert found.integrated_lufs == pytest.approx(level, abs=LU)
    assert found.max_momentary_lufs == pytest.approx(level, abs=LU)
    assert found.max_short_term_lufs == pytest.approx(level, abs=LU)


@pytest.mark.parametrize(
    "steps",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
    ids=["3", "4", "5"],
)
def test_case_3_to_5_gating(steps, rate):
    assert loudness.integrated_lufs(energy(tone(steps, rate), rate)) == pytest.approx(-23, abs=LU)


def test_case_6_five_channels(rate):
    sound = tone([(0, 20)], rate, channels=5)
    sound *= np.float32(10) ** (np.array([-28, -28, -24, -30, -30], np.float32) / 20)
    found = loudness.integrated_lufs(energy(sound, rate))
    assert found == pytest.approx(-23, abs=LU)


def test_case_9_short_term_stands_still(rate):
    found = measure(tone([(-20, 1.34), (-30, 1.66)] * 5, rate), rate).short_term_lufs
    np.testing.assert_allclose(found, -23, atol=LU)


def test_case_10_short_term_of_every_alignment(rate):
    for k in range(20):
        sound = tone([(None, 0.15 * k), (-23, 3), (None, 1)], rate)
        assert loudness.max_short_term_lufs(energy(sound, rate)) == pytest.approx(-23, abs=LU)


def test_case_11_short_term_maxima_in_one_stream(rate):
    steps = [(None, 0.15 * k) for k in range(20)]
    steps = [
        part for k in range(20) for part in ((None, 0.15 * k), (-38 + k, 3), (None, 3 - 0.15 * k))
    ]
    slid = loudness.to_lufs(loudness.sliding_means(energy(tone(steps, rate), rate), 300))
    for k in range(20):
        assert slid[: 600 * (k + 1) - 299].max() == pytest.approx(-38 + k, abs=LU)


def test_case_12_momentary_stands_still(rate):
    found = measure(tone([(-20, 0.18), (-30, 0.22)] * 25, rate), rate).momentary_lufs
    np.testing.assert_allclose(found[60:], -23, atol=LU)


def test_case_13_momentary_of_every_alignment(rate):
    for k in range(20):
        sound = tone([(None, 0.02 * k), (-23, 0.4), (None, 1)], rate)
        assert loudness.max_momentary_lufs(energy(sound, rate)) == pytest.approx(-23, abs=LU)


def test_case_14_momentary_maxima_in_one_stream(rate):
    steps = [
        part
        for k in range(20)
        for part in ((None, 0.02 * k), (-38 + k, 0.4), (None, 0.4 - 0.02 * k))
    ]
    slid = loudness.to_lufs(loudness.sliding_means(energy(tone(steps, rate), rate), 40))
    for k in range(20):
        assert slid[: 80 * (k + 1) - 39].max() == pytest.approx(-38 + k, abs=LU)


@pytest.mark.parametrize(
    ("period", "amplitude", "degrees", "expected"),
    [(4, 0.5, 0, -6), (4, 0.5, 45, -6), (6, 0.5, 60, -6), (8, 0.5, 67.5, -6), (4, 1.41, 45, 3)],
    ids=["15", "16", "17", "18", "19"],
)
def test_case_15_to_19_true_peak_of_sines(period, amplitude, degrees, expected, rate):
    found = peak_of(peak_sine(period, amplitude, degrees, rate), rate)
    assert expected - 0.4 <= found <= expected + 0.2


@pytest.mark.parametrize("offset", range(4), ids=["20", "21", "22", "23"])
def test_case_20_to_23_true_peak_of_a_hidden_burst(offset, rate):
    assert -0.4 <= peak_of(hidden_burst(offset, 4 * rate), rate) <= 0.2


def peak_of(samples, rate):
    meter = TruePeakMeter(rate, 1)
    meter.process(frames(samples))
    return meter.result()[0]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)],
    ids=["1", "2", "3", "4"],
)
def test_tech_3342_loudness_range(levels, expected, rate):
    sound = tone([(level, 20) for level in levels], rate)
    assert loudness.loudness_range_lu(energy(sound, rate)) == pytest.approx(expected, abs=1)


def test_the_relative_gate_stands_at_10_lu(rate):
    # With a gate of -8 LU the quiet half would be left out: -20.0.
    found = loudness.integrated_lufs(energy(tone([(-20, 30), (-31.5, 30)], rate), rate))
    assert found == pytest.approx(-22.71, abs=0.03)
