"""Places found by phase alone, in music whose envelopes repeat."""

import numpy as np
import pytest

from bench.match.music import tune
from dsp.align.coherence import opinion_in_band
from dsp.align.speech_band import BAND_RATE_HZ, speech_band
from dsp.align.wave_search import LONGEST_HEARD_S, place_by_phase

RATE = 48_000


@pytest.fixture(scope="module")
def music():
    return tune(2, 40.0)


def heard(sound, from_s, seconds=4.0, snr_db=25.0):
    rng = np.random.default_rng(5)
    part = sound[round(from_s * RATE) : round((from_s + seconds) * RATE)]
    noise = float(np.sqrt(np.mean(part**2))) * 10.0 ** (-snr_db / 20.0)
    noisy = part + noise * rng.standard_normal(len(part))
    return speech_band(np.asarray(noisy, np.float32), RATE)


@pytest.mark.parametrize("from_s", [0.0, 10.1, 17.7, 35.9])
def test_four_seconds_of_a_tune_are_found_where_they_are(music, from_s):
    whole = speech_band(music, RATE)
    assert place_by_phase(whole, heard(music, from_s)) == pytest.approx(-from_s, abs=0.5e-3)
    opinion = opinion_in_band(whole, heard(music, from_s), within_s=np.inf)
    assert opinion.verdict == "same"


def test_another_tune_is_found_nowhere(music):
    whole = speech_band(music, RATE)
    other = heard(tune(4, 40.0), 12.0)
    assert place_by_phase(whole, other) is not None  # there always is a best one
    assert opinion_in_band(whole, other, within_s=np.inf).verdict == "different"


def test_either_may_begin_first(music):
    part = speech_band(music[10 * RATE : 20 * RATE], RATE)
    assert place_by_phase(part, heard(music, 9.0)) == pytest.approx(1.0, abs=0.5e-3)
    assert place_by_phase(part, heard(music, 17.0)) == pytest.approx(-7.0, abs=0.5e-3)


def test_only_delays_in_range_are_looked_at(music):
    whole = speech_band(music, RATE)
    found = place_by_phase(whole, heard(music, 10.1), (-9.0, -2.0))
    assert -9.0 <= found <= -2.0
    assert place_by_phase(whole, heard(music, 10.1), (50.0, 60.0)) is None


@pytest.mark.parametrize("seconds", [0.0, 2.0, LONGEST_HEARD_S + 0.1])
def test_too_little_and_too_much_have_no_place(music, seconds):
    piece = np.ones(round(seconds * BAND_RATE_HZ), np.float32)
    assert place_by_phase(speech_band(music, RATE), piece) is None
    assert place_by_phase(piece[: 2 * BAND_RATE_HZ], heard(music, 3.0)) is None
