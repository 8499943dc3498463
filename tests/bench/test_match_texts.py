"""The announcements that the bench has read aloud."""

import numpy as np
import pytest

from bench.match.texts import (
    announcement,
    english_announcement,
    filled,
    number,
    plain,
    revised,
    shared_run,
)
from bench.match.words import WORDS


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "không"),
        (5, "năm"),
        (10, "mười"),
        (15, "mười lăm"),
        (21, "hai mươi một"),
        (40, "bốn mươi"),
        (105, "một trăm lẻ năm"),
        (200, "hai trăm"),
        (999, "chín trăm chín mươi chín"),
    ],
)
def test_numbers_are_said_in_vietnamese(value, said):
    assert number(value) == said


def test_a_seed_gives_one_text_and_another_seed_another():
    first, again, other = (
        announcement(np.random.default_rng(seed), syllables=300) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len(plain(first)) >= 300


def test_every_slot_of_every_pattern_is_filled():
    rng = np.random.default_rng(3)
    for pattern in (*WORDS["sentences"], *WORDS["greetings"], *WORDS["closings"]):
        said = filled(pattern, rng)
        assert "{" not in said
        assert said[0].isupper()
    assert "{" not in english_announcement(rng, syllables=400)


def test_shared_run_finds_the_longest_run_of_syllables():
    assert shared_run("Một hai ba bốn.", ["ba bốn, năm", "hai ba bốn sáu"]) == 3
    assert shared_run("một", ["hai"]) == 0


def test_texts_of_different_seeds_share_phrases_but_no_paragraph():
    texts = [announcement(np.random.default_rng(seed), syllables=300) for seed in range(12)]
    runs = [shared_run(text, texts[:6]) for text in texts[6:]]
    assert max(runs) < 20


def test_a_revised_text_differs_in_its_numbers_only():
    text = announcement(np.random.default_rng(5), syllables=300)
    new = revised(text, np.random.default_rng(6))
    pairs = list(zip(text.split(), new.split(), strict=True))
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    assert 0 < len(changed) < len(pairs) / 2
    assert all(old in WORDS["digits"] for old, _ in changed)
