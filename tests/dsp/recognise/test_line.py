"""Comparison along a line against a slow twin, and words against their definition."""

import numpy as np
import pytest

from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.line import fit, follow
from tests.dsp.recognise.spoken import noisy, speech
from tests.naive.recognising import along, values


def test_words_are_what_their_definition_says():
    sound = speech(3, 5)
    prints = fingerprint(sound, 8_000)
    expected = values(sound)
    # Stored in steps of 1/32, cut towards zero.
    assert np.abs(prints.values / 32 - np.clip(expected, -127 / 32, 127 / 32)).max() < 0.04
    clear = np.abs(expected) > 1e-3
    signs = np.unpackbits(prints.words.astype(">u4").view(np.uint8)).reshape(-1, 32)
    assert np.array_equal(signs[clear] == 1, expected[clear] > 0)
    activity = np.sqrt(np.mean(expected**2, axis=1))
    np.testing.assert_allclose(prints.activity, activity, atol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 130.0, -70.0, 5_000.0])
@pytest.mark.parametrize("speed", [1.0, 0.99, 1.01])
def test_counts_are_those_of_the_slow_twin(offset, speed):
    words = np.ascontiguousarray(fingerprint(speech(12, 1), 8_000).words[::3])
    prints = fingerprint(noisy(speech(9, 1), 10), 8_000).part(77, 400)
    found = follow(words, prints, offset, speed)
    assert (found.errors.sum(), found.signs.sum()) == along(words, prints, offset, speed)


def test_seconds_are_those_of_the_stream():
    words = np.ascontiguousarray(fingerprint(speech(12, 1), 8_000).words[::3])
    prints = fingerprint(speech(12, 1), 8_000).part(120, 420)
    found = follow(words, prints, 0.0, 1.0)
    assert found.first_second == 2
    assert len(found.signs) == 7
    assert found.errors.sum() == 0
    assert found.agreement() == 1.0


@pytest.mark.parametrize("speed", [0.99, 1.0, 1.005])
def test_fit_finds_the_speed(speed):
    sound = speech(14, 2)
    at = np.arange(10 * 8_000) * speed + 8_000
    played = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    words = np.ascontiguousarray(fingerprint(sound, 8_000).words[::3])
    prints = fingerprint(played, 8_000)
    offset, found, comparison = fit(words, prints, 250.0, 50.0 + speed * 250.0)
    assert found == speed
    assert offset == pytest.approx(50.0, abs=4.0)
    assert comparison.agreement() > 0.8


def test_nothing_compared_is_no_evidence():
    prints = fingerprint(speech(3, 1), 8_000)
    found = follow(np.zeros(0, np.uint32), prints, 0.0, 1.0)
    assert (found.agreement(), found.evidence()) == (0.0, 0.0)
