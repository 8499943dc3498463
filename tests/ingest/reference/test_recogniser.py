"""A stream against the index: one answer a second, named only what may be named."""

from collections import Counter

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from ingest.reference.recogniser import Recogniser
from tests.dsp.recognise.spoken import noisy, speech

RATE_HZ = 8_000


def index_of(**sounds):
    index = ReferenceIndex()
    for name, sound in sounds.items():
        index.add(name, fingerprint(sound, RATE_HZ))
    return index


def answers(index, sound, **kwargs):
    recogniser = Recogniser(index, rate_hz=RATE_HZ, **kwargs)
    return recogniser.process(sound) + recogniser.finish()


@pytest.fixture(scope="module")
def index():
    return index_of(a=speech(30, 1), b=speech(30, 2), c=speech(30, 3))


def test_a_programme_between_two_others(index):
    heard = np.concatenate(
        [speech(12, 50), speech(30, 2)[5 * RATE_HZ : 20 * RATE_HZ], speech(12, 51)]
    )
    found = answers(index, noisy(heard, 12), look_ahead_s=10)
    assert [a.second for a in found] == list(range(39))
    verdicts = [a.verdict for a in found]
    assert set(verdicts[:11]) <= {"unknown", "inconclusive"}
    assert verdicts[13:26] == ["match"] * 13
    assert set(verdicts[29:]) == {"unknown"}
    middle = found[20]
    assert (middle.reference, middle.others) == ("b", ())
    assert middle.offset_s == pytest.approx(13.0, abs=0.05)
    assert middle.confidence > 0.99
    assert middle.gain_db == pytest.approx(0.0, abs=1.5)


def test_completeness_counts_what_was_heard(index):
    recogniser = Recogniser(index, rate_hz=RATE_HZ)
    found = recogniser.process(speech(30, 1)[: 15 * RATE_HZ]) + recogniser.process(speech(9, 60))
    last = [a for a in found if a.verdict == "match"][-1]
    assert last.completeness == pytest.approx(0.5, abs=0.12)
    heard = recogniser.heard_seconds("a")
    assert set(range(4, 14)) <= set(heard) <= set(range(17))


def test_silence_and_hiss_are_answers_of_their_own(index):
    rng = np.random.default_rng(1)
    quiet = np.zeros(6 * RATE_HZ, np.float32)
    hiss = (0.05 * rng.standard_normal(6 * RATE_HZ)).astype(np.float32)
    found = answers(index, np.concatenate([quiet, hiss, quiet]))
    verdicts = [a.verdict for a in found]
    assert verdicts[:5] == ["silence"] * 5
    assert verdicts[7:11] == ["hiss"] * 4
    assert verdicts[14:] == ["silence"] * 4


def test_the_same_voice_with_other_texts_is_never_a_match(index):
    found = Counter(a.verdict for n in range(70, 76) for a in answers(index, speech(15, n)))
    assert set(found) == {"unknown", "inconclusive"}
    assert found["unknown"] > 6 * 10


def pattern(sentence, slot):
    """A sentence of six seconds and a half with other words in its slot."""
    words = speech(6.5, sentence).copy()
    words[3 * RATE_HZ : 4 * RATE_HZ] = speech(1, slot)
    return words


def test_a_sentence_with_other_words_in_its_slot_is_named_neither_as_one_nor_as_the_other():
    index = index_of(
        one=np.concatenate([speech(10, 30), pattern(31, 32), speech(10, 33)]),
        other=np.concatenate([speech(10, 40), pattern(31, 42), speech(10, 43)]),
    )
    heard = np.concatenate([speech(12, 50), pattern(31, 52), speech(12, 53)])
    found = answers(index, heard)
    assert {a.verdict for a in found} == {"unknown", "inconclusive"}
    assert {"one", "other"} == set().union(*(a.others for a in found))


def test_a_clip_that_ends_is_named_when_all_of_it_agrees(index):
    clip = noisy(speech(30, 1)[8 * RATE_HZ : 13 * RATE_HZ], 10)
    assert "a" in {a.reference for a in answers(index, clip)}
    other = clip.copy()
    other[3 * RATE_HZ :] = speech(2, 55)
    assert {a.reference for a in answers(index, other)} == {None}


def test_a_clip_of_which_half_lies_beyond_the_bulletin_is_not_named(index):
    """Six good seconds are proof enough of a clip of six, not of one that says as much besides."""
    good = speech(30, 1)[24 * RATE_HZ :]
    assert "a" in {a.reference for a in answers(index, good)}
    clip = np.concatenate([good, speech(6, 57)])
    assert {a.reference for a in answers(index, clip)} == {None}


def test_a_clip_on_a_shared_sentence_is_named_by_what_else_it_has():
    one = np.concatenate([speech(5, 30), pattern(31, 32)])
    other = np.concatenate([speech(5, 40), pattern(31, 42)])
    found = answers(index_of(one=one, other=other), one[5 * RATE_HZ : 10 * RATE_HZ])
    assert {a.reference for a in found} == {None, "one"}


def test_a_stream_is_not_named_before_it_has_gone_on_for_longer_than_a_sentence(index):
    found = answers(index, speech(30, 3))
    named = [a.second for a in found if a.verdict == "match"]
    assert 7 <= named[0] <= 9
    assert named == list(range(named[0], named[-1] + 1))
    assert found[5].others == ("c",)
    assert found[named[0]].completeness > 0.2  # the seconds before are counted once they are known


def test_cut_anywhere(index):
    heard = np.concatenate([speech(30, 3)[: 9 * RATE_HZ], speech(8, 52)])
    whole = answers(index, heard)
    recogniser = Recogniser(index, rate_hz=RATE_HZ)
    cut = []
    for piece in np.array_split(heard, 37):
        cut += recogniser.process(piece)
    assert cut + recogniser.finish() == whole
    assert recogniser.process(heard) + recogniser.finish() == whole


def test_copies_are_all_listed():
    sound = speech(30, 1)
    found = answers(index_of(a=sound, copy=sound, b=speech(30, 2)), sound[8 * RATE_HZ :])
    named = [a for a in found if a.verdict == "match"]
    assert (
        len(named) >= 14
    )  # of 22: the first seconds are told from a shared phrase by what follows
    assert {(a.reference, a.others) for a in named} == {("a", ("copy",))}


def jingled():
    jingle = speech(8, 9)
    one = np.concatenate([jingle, speech(15, 20)])
    other = np.concatenate([jingle, speech(15, 21)])
    return jingle, one, other


def test_a_shared_jingle_names_no_bulletin():
    jingle, one, other = jingled()
    found = answers(index_of(one=one, other=other), np.concatenate([jingle, speech(10, 22)]))
    assert {a.verdict for a in found[:6]} == {"inconclusive"}
    assert found[5].others == ("one", "other")
    assert "match" not in {a.verdict for a in found}


def test_a_jingle_that_is_a_reference_is_named():
    jingle, one, other = jingled()
    found = answers(
        index_of(one=one, other=other, jingle=jingle), np.concatenate([jingle, speech(10, 22)])
    )
    named = {a.reference for a in found if a.verdict == "match"}
    assert named == {"jingle"}


def test_after_the_jingle_the_bulletin_is_named():
    jingle, one, other = jingled()
    found = answers(index_of(one=one, other=other, jingle=jingle), one)
    assert {a.reference for a in found[11:21]} == {"one"}
    assert {a.reference for a in found} <= {None, "one", "jingle"}


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.7])
def test_hardly_any_sound(index, seconds):
    found = answers(index, speech(seconds, 1))
    assert [a.verdict for a in found] == ["inconclusive"] * round(seconds)


def test_a_refused_piece_leaves_the_state_untouched(index):
    heard = speech(30, 3)[: 9 * RATE_HZ]
    recogniser = Recogniser(index, rate_hz=RATE_HZ)
    head = recogniser.process(heard[:20_000])
    with pytest.raises(BlockContractError):
        recogniser.process(np.full(100, np.inf, np.float32))
    assert head + recogniser.process(heard[20_000:]) + recogniser.finish() == answers(index, heard)


def test_no_references_at_all():
    assert {a.verdict for a in answers(ReferenceIndex(), speech(10, 1))[3:]} == {"unknown"}


def test_look_ahead_has_a_range(index):
    with pytest.raises(ValueError, match="look_ahead_s"):
        Recogniser(index, look_ahead_s=11)


def test_memory_does_not_grow_with_the_stream(index):
    recogniser = Recogniser(index, rate_hz=RATE_HZ)
    sizes = []
    for _ in range(6):
        for sound in (speech(30, 1), speech(15, 70), speech(30, 2)):
            recogniser.process(sound)
        tracked = [*recogniser.tracks, *recogniser._ended]
        sizes.append((len(recogniser._prints), max(len(t.signs) for t in tracked), len(tracked)))
    assert max(size[0] for size in sizes) <= 22 * 50
    assert max(size[1] for size in sizes) <= 30
    assert max(size[2] for size in sizes) <= 4
