import math

import numpy as np
import pytest

from bench.align.paths import in_room, with_noise, with_voices
from dsp.align.coherence import second_opinion
from tests.dsp.align.voices import RATE, bulletin, noise, piece, tones


def rng():
    return np.random.default_rng(9)


@pytest.mark.parametrize(
    "path",
    [
        lambda s: s,
        lambda s: with_noise(s, 15.0, rng()),
        lambda s: with_noise(s, 0.0, rng()),
        lambda s: in_room(s, rng()),
        lambda s: with_voices(in_room(s, rng()), piece(16.0, 23.0)[::-1], 6.0),
    ],
    ids=["clean", "15 dB", "0 dB", "room", "room and voices"],
)
def test_the_right_passage_is_the_same_and_the_wrong_one_different(path):
    sound = np.ascontiguousarray(path(piece(6.0, 12.0)), np.float32)
    right = second_opinion(bulletin(), sound, RATE, delay_s=-6.2)
    assert right.verdict == "same"
    assert right.reading.delay.value == pytest.approx(-6.0, abs=1e-3)
    wrong = second_opinion(bulletin(), sound, RATE, delay_s=-14.0)
    assert wrong.verdict == "different"
    assert wrong.likeness < 0.3


def test_anywhere():
    opinion = second_opinion(bulletin(), piece(9.0, 14.0), RATE, within_s=math.inf)
    assert opinion.verdict == "same"


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (lambda: noise(6.0), "heard a steady sound"),
        (lambda: tones(6.0), "heard a steady sound"),
        (lambda: np.zeros(6 * RATE, np.float32), "heard silent"),
        (lambda: piece(3.0, 5.0), "heard shorter"),
        (lambda: np.concatenate([piece(3.0, 3.8), np.zeros(5 * RATE, np.float32)]), "most of it"),
    ],
    ids=["hiss", "tones", "silence", "short", "a word"],
)
def test_says_nothing_of_what_is_no_voice(sound, why):
    opinion = second_opinion(bulletin(), sound(), RATE, delay_s=-3.0)
    assert opinion.verdict == "inconclusive"
    assert why in opinion.why
    assert opinion.likeness == 0.0


def test_says_nothing_where_the_reference_ends():
    end_s = len(bulletin()) / RATE
    opinion = second_opinion(bulletin(), piece(3.0, 9.0), RATE, delay_s=-end_s)
    assert opinion.verdict == "inconclusive"
    assert opinion.why.startswith("reference")
