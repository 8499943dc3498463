"""Clips that say little: pauses that agree speak for a line, and what is faint is heard."""

import numpy as np
import pytest

from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from dsp.recognise.reference_prints import SPEAKS
from ingest.reference.recogniser import Recogniser
from tests.dsp.recognise.spoken import noisy, speech

RATE_HZ = 8_000
SNR_DB = 18


def part(sound, begin_s, end_s):
    return sound[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]


def pause(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


PHRASE = part(speech(30, 1), 10.0, 11.3)


def named(reference, clip, *, snr_db=SNR_DB):
    """Return the names that a station gives a clip after which it hears nothing more."""
    index = ReferenceIndex()
    index.add("a", fingerprint(reference, RATE_HZ))
    recogniser = Recogniser(index, rate_hz=RATE_HZ, look_ahead_s=10)
    found = recogniser.process(noisy(clip, snr_db)) + recogniser.finish()
    return {a.reference for a in found if a.verdict == "match"}


def test_a_phrase_between_pauses_is_named_where_the_reference_pauses_too():
    sparse = np.concatenate([speech(8, 2), pause(6), PHRASE, pause(6), speech(8, 3)])
    clip = part(sparse, 10.5, 19.5)
    assert named(sparse, clip) == {"a"}


def test_a_phrase_by_itself_proves_nothing_of_a_reference_that_goes_on():
    """Other words follow it, after as much of a pause as there is between two sentences."""
    sentence = np.concatenate([pause(1), PHRASE, pause(1)])
    clip = np.concatenate([pause(3), sentence, pause(3)])
    assert named(np.concatenate([speech(8, 2), sentence, speech(8, 3)]), clip) == set()
    alone = np.concatenate([speech(8, 2), pause(3), sentence, pause(3), speech(8, 3)])
    assert named(alone, clip) == {"a"}


def test_a_short_clip_has_no_pauses_to_show():
    sparse = np.concatenate([speech(8, 2), pause(6), PHRASE, pause(6), speech(8, 3)])
    assert named(sparse, part(sparse, 12.4, 17.4)) == set()


def test_silence_beyond_the_end_of_a_reference_is_no_pause_of_it():
    ending = np.concatenate([speech(8, 2), pause(3), PHRASE, pause(2)])
    clip = np.concatenate([pause(1), PHRASE, pause(6)])
    assert named(ending, clip) == set()
    assert named(np.concatenate([ending, pause(6)]), clip) == {"a"}


def test_two_phrases_prove_nothing_of_a_reference_that_speaks_between_them():
    """Together they say as much as a clip must, and all of it agrees."""
    clip = part(speech(30, 1), 10.0, 20.0).copy()
    clip[round(2.2 * RATE_HZ) : round(7.8 * RATE_HZ)] = 0.0
    assert named(speech(30, 1), clip) == set()
    silent_too = speech(30, 1).copy()
    silent_too[round(12.2 * RATE_HZ) : round(17.8 * RATE_HZ)] = 0.0
    assert named(silent_too, clip) == {"a"}


@pytest.mark.parametrize(("beneath", "expected"), [(6, {"a"}), (5, set())])
def test_what_is_faint_counts_when_nothing_else_does(beneath, expected):
    """A second of a voice, and nine of what goes on beneath it, deep in the noise."""
    faint = 0.05 * speech(20, 6)
    aloud = np.zeros_like(faint)
    aloud[5 * RATE_HZ : 6 * RATE_HZ] = part(speech(30, 1), 10.0, 11.0)
    clip = part(aloud + 0.05 * speech(20, beneath), 4.0, 14.0)
    heard = fingerprint(noisy(clip, 4), RATE_HZ)
    assert np.mean(heard.activity < SPEAKS) > 0.6
    assert named(aloud + faint, clip, snr_db=4) == expected
