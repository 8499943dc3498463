"""Answers of a recogniser made by hand, and the second opinion on what was really heard."""

import numpy as np
import pytest

from dsp.align.speech_band import speech_band
from ingest.reference.answer import Answer
from ingest.watch.listener import MATCH_EVERY_S, Listener, different
from ingest.watch.programme_watch import Expected
from tests.dsp.recognise.spoken import speech

RATE = 8_000
BULLETIN, OTHER = speech(40.0, 21), speech(40.0, 22)


class Script:
    """A recogniser that answers a second late, and says what it is told to."""

    def __init__(self, say):
        self._say = say
        self._second = 0

    def process(self, samples):
        self._second += len(samples) // RATE
        return [self._say(self._second - 2)] if self._second >= 2 else []

    def finish(self):
        return [self._say(self._second - 1)]


def match(second, reference="bulletin", offset_s=None):
    place_s = float(second) if offset_s is None else offset_s
    return Answer(second, "match", reference, offset_s=place_s, gain_db=0.0)


def unknown(second):
    return Answer(second, "unknown")


def listen(sound, say, expected=lambda _second: None, seconds=None):
    """Return the listener and its answers by second; `sound` begins with the bulletin's."""
    references = {"bulletin": speech_band(BULLETIN, RATE), "other": speech_band(OTHER, RATE)}
    listener = Listener(Script(say), references, RATE)
    found = {}
    for second in range(seconds or len(sound) // RATE):
        piece = np.ascontiguousarray(sound[second * RATE : (second + 1) * RATE])
        for confirmed in listener.process(piece, expected(second)):
            found[confirmed.answer.second] = confirmed
    return listener, found


def after(second, sound):
    """The bulletin up to a second, then `sound`."""
    return np.concatenate([BULLETIN[: second * RATE], sound])


def going_on(second):
    return Expected("bulletin", float(second))


def test_a_match_is_confirmed_when_it_begins_and_now_and_then():
    _, found = listen(BULLETIN, match)
    asked = [second for second, confirmed in found.items() if confirmed.opinion is not None]
    # Two and a half seconds are needed to be sure; until then nothing is named.
    assert [found[s].answer.verdict for s in range(3)] == ["inconclusive"] * 2 + ["match"]
    assert all(found[s].answer.verdict == "match" for s in found if s >= 2)
    sure = [s for s in asked if found[s].opinion.verdict == "same"]
    assert len(sure) == pytest.approx(len(found) / MATCH_EVERY_S, abs=1.1)


def test_a_match_that_is_not_heard_is_none():
    _, found = listen(OTHER, match, seconds=12)
    told = [found[s].answer for s in range(4, 10)]
    assert {answer.verdict for answer in told} == {"inconclusive"}
    assert {answer.reference for answer in told} == {None}


@pytest.mark.parametrize("verdict", ["unknown", "inconclusive"])
def test_a_mismatch_is_confirmed_whatever_the_fingerprint_calls_it(verdict):
    def say(second):
        return match(second) if second < 12 else Answer(second, verdict)

    _, found = listen(after(12, OTHER), say, going_on, seconds=24)
    # Four seconds of what is newest are looked at; an answer is about the second before the last.
    assert [found[s].confirmed for s in range(15, 22)] == [True] * 7


def test_a_mismatch_that_is_heard_all_the_same_is_refuted():
    def say(second):
        return match(second) if second < 12 else unknown(second)

    _, found = listen(BULLETIN, say, going_on, seconds=24)
    assert {found[s].confirmed for s in range(12, 22)} == {False}


@pytest.mark.parametrize("to_s", [2, 25])
def test_a_jump_within_the_bulletin_is_no_other_programme(to_s):
    def say(second):
        return match(second) if second < 12 else unknown(second)

    _, found = listen(after(12, BULLETIN[to_s * RATE :]), say, going_on, seconds=24)
    assert True not in {found[s].confirmed for s in range(15, 20)}
    assert False in {found[s].confirmed for s in range(15, 20)}


def test_where_the_reference_says_too_little_all_of_it_is_looked_at():
    quiet = BULLETIN.copy()
    quiet[12 * RATE : 24 * RATE] = 0.0
    for sound, wanted in ((OTHER, "different"), (quiet[24 * RATE :], "same")):
        heard = np.concatenate([quiet[: 12 * RATE], sound[: 8 * RATE]])
        listener = Listener(Script(unknown), {"bulletin": speech_band(quiet, RATE)}, RATE)
        for second in range(19):
            piece = np.ascontiguousarray(heard[second * RATE : (second + 1) * RATE])
            listener.process(piece, None)
        assert listener.opinions.opinion("bulletin", 18, 18.0, 1.0).reading is None
        assert listener.opinions.newest(Expected("bulletin", 18.0)).verdict == wanted


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        (BULLETIN[12 * RATE : 15 * RATE], True),
        (BULLETIN[25 * RATE : 28 * RATE], True),  # a player that jumped
        (OTHER[: 3 * RATE], False),
        # A word or two that the bulletin has 0.7 s away or elsewhere, among other words.
        (np.concatenate([BULLETIN[int(12.7 * RATE) : int(13.9 * RATE)], OTHER])[: 3 * RATE], False),
        (np.concatenate([BULLETIN[25 * RATE : 26 * RATE], OTHER])[: 3 * RATE], False),
        # A phrase that the bulletin has elsewhere, and other words.
        (np.concatenate([BULLETIN[25 * RATE : 27 * RATE], OTHER[:RATE]]), None),
        (np.zeros(3 * RATE, np.float32), None),
    ],
)
def test_only_what_came_since_tells_whether_the_bulletin_goes_on(last, wanted):
    listener, _ = listen(after(12, last), unknown)
    assert listener.opinions.goes_on(going_on(14), 3) is wanted


@pytest.mark.parametrize("seconds", [3, 4])
@pytest.mark.parametrize("how", ["falters", "goes back", "jumps"])
def test_a_player_that_loses_its_place_in_the_midst_of_it_is_found_again(how, seconds):
    at, to = 12 * RATE, {"falters": 12.0, "goes back": 8.5, "jumps": 15.37}[how]
    hole = np.zeros(int(0.7 * RATE) if how == "falters" else 0, np.float32)
    played = np.concatenate([BULLETIN[:at], hole, BULLETIN[int(to * RATE) :]])
    said = {}
    for last in range(12, 18):
        listener, _ = listen(played[: (last + 1) * RATE], unknown)
        said[last] = listener.opinions.goes_on(going_on(last), seconds)
    # Words, a hole and words elsewhere are little of each: for one look, which is too few.
    assert list(said.values()).count(False) <= int(how == "falters")
    assert said[17] is True


def test_where_the_place_says_too_little_all_of_the_bulletin_tells_whether_it_goes_on():
    quiet = BULLETIN.copy()
    quiet[12 * RATE : 24 * RATE] = 0.0
    for sound, wanted in ((OTHER, False), (quiet[24 * RATE :], True), (np.zeros_like(OTHER), None)):
        heard = np.concatenate([quiet[: 12 * RATE], sound[: 6 * RATE]])
        listener = Listener(Script(unknown), {"bulletin": speech_band(quiet, RATE)}, RATE)
        for second in range(18):
            piece = np.ascontiguousarray(heard[second * RATE : (second + 1) * RATE])
            listener.process(piece, None)
        assert listener.opinions.goes_on(going_on(17), 3) is wanted


def test_another_reference_is_confirmed_and_the_expected_one_refuted():
    def say(second):
        return match(second) if second < 12 else match(second, "other", second - 12.0)

    _, found = listen(after(12, OTHER), say, going_on, seconds=24)
    assert found[18].answer.reference == "other"
    assert found[18].confirmed is True


def test_a_reference_not_heard_yet_is_looked_for_everywhere():
    def never(_second):
        return Expected("bulletin", None)

    _, absent = listen(OTHER, unknown, never, seconds=12)
    _, present = listen(BULLETIN[10 * RATE :], unknown, never, seconds=12)
    assert absent[4].confirmed is True
    assert absent[9].confirmed is None  # looked for again after a while; till then nothing is new
    assert present[9].confirmed is False


def test_nothing_is_asked_where_nothing_is_expected_or_said():
    _, found = listen(OTHER, unknown, seconds=8)
    assert {confirmed.opinion for confirmed in found.values()} == {None}
    _, silent = listen(np.zeros_like(OTHER), lambda s: Answer(s, "silence"), going_on, seconds=8)
    assert {confirmed.confirmed for confirmed in silent.values()} == {None}


def test_a_reference_nobody_has_cannot_be_asked_about():
    listener, _ = listen(BULLETIN, unknown, seconds=8)
    assert listener.opinions.newest(Expected("gone", 8.0)) is None
    assert different(None) is None


def test_silence_while_the_bulletin_speaks_is_seen_to_less_than_a_second():
    silent = after(12, np.zeros(3 * RATE, np.float32))
    silent[int(11.5 * RATE) :] = 0.0
    listener, _ = listen(silent, match, going_on, seconds=14)
    quiet = listener.quiet(going_on(13))
    assert quiet.silent_s == pytest.approx(2.5, abs=0.5)
    assert quiet.spoken_s > 1.0
    assert listener.quiet(None) is None
    assert listener.quiet(Expected("bulletin", None)) is None


def test_the_end_has_an_answer_too():
    listener, _ = listen(BULLETIN, match, seconds=6)
    assert [c.answer.second for c in listener.finish()] == [5]


REFRAIN_S = 20
VERSE, CHANGED = speech(float(REFRAIN_S), 31), speech(float(REFRAIN_S), 32)
AGAIN = (0.4 * VERSE + 0.6 * CHANGED).astype(np.float32)  # 0.75 to 0.89 like the first time
TUNE = np.concatenate([VERSE, AGAIN])


def listen_to_tune(sound, say, expected=lambda _second: None, tune=TUNE):
    """Return answers by second."""
    listener = Listener(Script(say), {"tune": speech_band(tune, RATE)}, RATE)
    found = {}
    for second in range(len(sound) // RATE):
        piece = np.ascontiguousarray(sound[second * RATE : (second + 1) * RATE])
        for confirmed in listener.process(piece, expected(second)):
            found[confirmed.answer.second] = confirmed.answer
    return found


def one_verse_early(second):
    return match(second, "tune", second - (REFRAIN_S if second >= REFRAIN_S + 4 else 0.0))


def at_its_place(second):
    return Expected("tune", float(second))


def test_what_is_followed_is_not_left_for_the_first_time_of_what_comes_again():
    found = listen_to_tune(TUNE, one_verse_early, at_its_place)
    assert all(found[second].verdict == "match" for second in range(4, 24))
    assert not [second for second in range(24, 38) if found[second].verdict == "match"]


def test_nor_is_it_believed_where_nothing_is_followed():
    """A match that goes on is asked about every ten seconds."""
    found = listen_to_tune(TUNE, one_verse_early)
    assert all(found[second].verdict == "match" for second in range(4, 24))
    assert not [second for second in range(36, 38) if found[second].verdict == "match"]


def test_a_player_that_goes_back_is_followed_to_where_it_surely_is():
    back = np.concatenate([VERSE, VERSE])
    found = listen_to_tune(
        back,
        lambda second: match(second, "tune", second % float(REFRAIN_S)),
        at_its_place,
    )
    assert all(found[second].verdict == "match" for second in range(24, 38))


def test_what_is_followed_is_not_left_while_nothing_can_be_compared():
    """A held note has no moments to compare: the fingerprint's new place is a guess."""
    note = 0.1 * np.sin(2 * np.pi * 700 / RATE * np.arange(REFRAIN_S * RATE))
    held = np.concatenate([VERSE, note.astype(np.float32)])
    found = listen_to_tune(held, one_verse_early, at_its_place, held)
    assert not [second for second in range(25, 38) if found[second].verdict == "match"]


def test_a_tune_that_is_over_is_not_believed_to_go_on_at_an_earlier_bar():
    """Nothing is expected at its end any more, but where it surely was is known."""

    def early(second):
        return match(second, "tune", second - (6.0 if second >= 16 else 0.0))

    def until_its_end(second):
        return at_its_place(second) if second < 17 else None

    over = np.concatenate([TUNE[: 20 * RATE], OTHER[: 4 * RATE]])
    found = listen_to_tune(over, early, until_its_end)
    assert all(found[second].verdict == "match" for second in range(4, 16))
    assert not [second for second in range(16, 22) if found[second].verdict == "match"]


@pytest.mark.parametrize(("share", "least", "most"), [(0.1, 0.35, 0.6), (0.2, 0.6, 0.7)])
def test_a_jump_is_found_also_where_the_old_place_is_somewhat_alike(share, least, most):
    chorus = speech(12.0, 33)
    echoed = (share * chorus + (1.0 - share) * speech(12.0, 34)).astype(np.float32)
    tune = np.concatenate([VERSE[: 12 * RATE], echoed, chorus])
    played = np.concatenate([VERSE[: 12 * RATE], chorus[: 10 * RATE]])
    listener = Listener(Script(unknown), {"tune": speech_band(tune, RATE)}, RATE)
    places, near = {}, {}
    for second in range(len(played) // RATE):
        piece = np.ascontiguousarray(played[second * RATE : (second + 1) * RATE])
        for confirmed in listener.process(piece, at_its_place(second)):
            places[second] = confirmed.place
        near[second] = listener.opinions.opinion("tune", second, float(second), 1.0).likeness
    assert least < near[18] < most
    assert places[18].place_s(18) == pytest.approx(30.0, abs=0.01)


def test_a_match_that_is_doubted_is_asked_about_like_any_other_answer():
    """The fingerprint names an earlier bar, and another programme is heard."""

    def early(second):
        return match(second, offset_s=second - (6.0 if second >= 12 else 0.0))

    _, found = listen(after(12, OTHER), early, going_on, seconds=20)
    assert [found[s].answer.verdict for s in range(15, 18)] == ["inconclusive"] * 3
    assert [found[s].confirmed for s in range(15, 18)] == [True] * 3
