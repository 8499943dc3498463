"""True peak: the pruned pass against the full one, and against the spectrum of the sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.measure.true_peak import TruePeakMeter, folded_taps, gain_bound, interpolator, oversampling
from tests.dsp.measure.signals import faded, frames, speech_like
from tests.naive import meters


def peaks(sound, rate):
    meter = TruePeakMeter(rate, sound.shape[1])
    meter.process(sound)
    return meter.result()


def phases_of(rate):
    fractions = {4: (0.25, 0.5, 0.75), 1: ()}[oversampling(rate)]
    return [interpolator(fraction) for fraction in fractions]


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_pruning_never_loses_the_peak(rate):
    # 16.4 s: the seam between two chunks lies within. Quiet noise with one burst anywhere.
    rng = np.random.default_rng(rate)
    n = round(16.4 * rate)
    for place in (0, 1, rate, 16 * rate - 13, 16 * rate - 1, 16 * rate, 16 * rate + 5, n - 30):
        sound = rng.standard_normal(n) * 0.01
        sound[place : place + 30] += rng.standard_normal(min(30, n - place)) * 0.1
        sound = sound.astype(np.float32)
        expected = meters.peak_by_convolution(sound.astype(float), [np.ones(1), *phases_of(rate)])
        found = 10 ** (peaks(sound[:, None], rate)[0] / 20)
        # float32 sums of 24 products.
        assert found == pytest.approx(expected, rel=3e-6)


@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=90))
@settings(max_examples=60, deadline=None)
def test_any_few_samples(values):
    sound = np.array(values, dtype=np.float32)
    expected = meters.peak_by_convolution(sound.astype(float), [np.ones(1), *phases_of(48_000)])
    found = peaks(sound[:, None], 48_000)[0]
    if expected == 0:
        assert found is None
    else:
        assert found == pytest.approx(20 * np.log10(expected), abs=1e-4)


def test_the_true_peak_of_speech_is_that_of_its_spectrum():
    sound = faded(speech_like(4, 16_000), 800)
    exact = 20 * np.log10(meters.peak_by_fourier(sound))
    # Four points per sample lose at most 20·log10 cos(π/8) = 0.69 dB, at the very edge of the band.
    assert exact - 0.3 <= peaks(frames(sound), 16_000)[0] <= exact + 0.05


def test_the_interpolator_is_flat_to_fifteen_kilohertz():
    for fraction in (0.25, 0.5, 0.75):
        taps = interpolator(fraction)
        hz = np.linspace(20, 15_000, 200)
        turns = np.exp(-2j * np.pi * hz[:, None] / 48_000 * np.arange(24))
        assert np.abs(20 * np.log10(np.abs(turns @ taps))).max() < 0.02


def test_the_bound_holds_for_the_worst_signal():
    bound = gain_bound(folded_taps())
    worst = max(np.abs(interpolator(f)).sum() for f in (0.25, 0.5, 0.75))
    assert worst <= bound <= worst * 1.001


def test_a_constant_has_no_peak_inside():
    sound = np.full((48_000, 1), 0.5, np.float32)
    inside = peaks(faded(sound[:, 0], 4_800)[:, None].astype(np.float32), 48_000)[0]
    assert inside == pytest.approx(20 * np.log10(0.5), abs=1e-4)


def test_the_first_and_last_sample_count():
    for at in (0, 47_999):
        sound = np.zeros((48_000, 2), np.float32)
        sound[at, 1] = -0.5
        assert peaks(sound, 48_000) == [None, pytest.approx(-6.0206, abs=1e-3)]


def test_the_end_of_a_whole_chunk_is_followed_by_silence():
    sound = np.zeros((16 * 8_000, 1), np.float32)
    sound[-2:] = 1.0
    expected = meters.peak_by_convolution(sound[:, 0].astype(float), phases_of(8_000))
    assert expected > 1.1
    assert 10 ** (peaks(sound, 8_000)[0] / 20) == pytest.approx(expected, rel=1e-5)


def test_a_peak_just_before_the_seam_is_found_just_after_it():
    sound = np.zeros((20 * 8_000, 1), np.float32)
    sound[16 * 8_000 - 2 : 16 * 8_000] = 1.0
    expected = meters.peak_by_convolution(sound[:, 0].astype(float), phases_of(8_000))
    assert 10 ** (peaks(sound, 8_000)[0] / 20) == pytest.approx(expected, rel=1e-5)


def test_reset_forgets():
    meter = TruePeakMeter(48_000, 1)
    meter.process(np.full((100, 1), 0.9, np.float32))
    meter.reset()
    meter.process(np.full((100, 1), 0.1, np.float32))
    assert meter.result() == peaks(np.full((100, 1), 0.1, np.float32), 48_000)
