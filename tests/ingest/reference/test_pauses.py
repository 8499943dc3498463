"""A pause heard over a noisy path says nothing; speech in the pause does."""

import numpy as np
import pytest

from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.grid import FRAMES_PER_SECOND
from dsp.recognise.line import Comparison
from dsp.recognise.reference_index import Line, ReferenceIndex
from dsp.recognise.reference_prints import SPEAKS
from ingest.reference.pauses import without_pauses
from ingest.reference.verdict import believed_of_clip
from tests.dsp.recognise.spoken import noisy, speech

RATE_HZ = 8_000
PAUSE_S = (4, 8)
NOTHING = np.zeros(0, np.int32)
LINE = Line("a", 0.0, 1.0, Comparison(0, NOTHING, NOTHING))


def with_pause(sound):
    paused = sound.copy()
    paused[PAUSE_S[0] * RATE_HZ : PAUSE_S[1] * RATE_HZ] = 0.0
    return paused


def clicks(length, seed):
    """The clicks of a carrier below its threshold: short, loud, and now and then."""
    rng = np.random.default_rng(seed)
    struck = rng.random(length) < 12.0 / RATE_HZ
    sound = np.convolve(struck * rng.normal(0.0, 0.1, length), np.hanning(9), mode="same")
    return (sound + rng.normal(0.0, 0.003, length)).astype(np.float32)


@pytest.fixture(scope="module")
def index():
    index = ReferenceIndex()
    index.add("a", fingerprint(with_pause(speech(12, 1)), RATE_HZ))
    return index


def in_pause(prints):
    inside = slice((PAUSE_S[0] + 1) * FRAMES_PER_SECOND, (PAUSE_S[1] - 1) * FRAMES_PER_SECOND)
    return prints.activity[inside]


def test_the_clicks_of_a_weak_carrier_are_not_compared_with_a_pause(index):
    sound = with_pause(speech(12, 1))
    heard = fingerprint(sound + clicks(len(sound), 3), RATE_HZ)
    assert np.mean(in_pause(heard) >= SPEAKS) > 0.5
    quiet = without_pauses(index.levels_of("a"), LINE, heard)
    assert not in_pause(quiet).any()
    np.testing.assert_array_equal(quiet.activity[:150], heard.activity[:150])
    words = index.words_of("a")
    assert not believed_of_clip(words, index.levels_of("a"), LINE, heard)
    assert believed_of_clip(words, index.levels_of("a"), LINE, quiet)


def test_another_voice_in_the_pause_counts(index):
    sound = with_pause(speech(12, 1))
    between = slice(PAUSE_S[0] * RATE_HZ, PAUSE_S[1] * RATE_HZ)
    sound[between] = speech(12, 9)[between]
    heard = fingerprint(noisy(sound, 25), RATE_HZ)
    told = without_pauses(index.levels_of("a"), LINE, heard)
    assert np.mean(in_pause(told) >= SPEAKS) > 0.5
    assert not believed_of_clip(index.words_of("a"), index.levels_of("a"), LINE, told)


def test_what_is_beyond_a_reference_counts(index):
    heard = fingerprint(speech(20, 1), RATE_HZ)
    told = without_pauses(index.levels_of("a"), LINE, heard)
    after = slice(13 * FRAMES_PER_SECOND, None)
    np.testing.assert_array_equal(told.activity[after], heard.activity[after])


def test_a_reference_without_a_word_changes_nothing():
    heard = fingerprint(speech(3, 1), RATE_HZ)
    silent = np.zeros(12, np.uint8)
    np.testing.assert_array_equal(without_pauses(silent, LINE, heard).activity, heard.activity)
    nowhere = Line("a", 1e6, 1.0, Comparison(0, NOTHING, NOTHING))
    assert without_pauses(silent, nowhere, heard) is heard
