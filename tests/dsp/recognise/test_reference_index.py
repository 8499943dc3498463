"""The index: what was added is found where it is, what was removed is not, a stranger never."""

import numpy as np
import pytest

from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from tests.dsp.recognise.spoken import noisy, speech

COUNT = 12


@pytest.fixture(scope="module")
def prints():
    return {f"b{n}": fingerprint(speech(20, n), 8_000) for n in range(COUNT)}


@pytest.fixture
def index(prints):
    built = ReferenceIndex()
    for name, words in prints.items():
        built.add(name, words)
    return built


def heard(n, start_s, seconds=5, snr_db=10):
    sound = speech(20, n)[start_s * 8_000 : (start_s + seconds) * 8_000]
    return fingerprint(noisy(sound, snr_db, seed=n), 8_000)


def test_five_seconds_in_noise_are_found_where_they_are(index):
    for n in range(COUNT):
        lines = index.search(heard(n, 7))
        assert [line.reference for line in lines] == [f"b{n}"]
        assert lines[0].offset_s(2.0) == pytest.approx(9.0, abs=0.05)
        assert lines[0].speed == 1.0
        assert lines[0].evidence > 7.0


def test_a_stranger_in_the_same_voice_is_not_found(index):
    for n in range(100, 110):
        assert index.search(fingerprint(speech(10, n), 8_000)) == []


@pytest.mark.parametrize("speed", [0.99, 1.01])
def test_a_clock_one_percent_off(index, speed):
    sound = speech(20, 4)
    at = np.arange(10 * 8_000) * speed + 5 * 8_000
    played = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    line = index.search(fingerprint(played, 8_000))[0]
    assert (line.reference, line.speed) == ("b4", speed)
    assert line.offset_s(5.0) == pytest.approx(5.0 + 5.0 * speed, abs=0.05)


def test_a_removed_reference_is_found_no_more_and_can_come_back(index, prints):
    index.remove("b3")
    assert "b3" not in index
    assert len(index) == COUNT - 1
    assert index.search(heard(3, 7)) == []
    index.add("b3", prints["b3"])
    assert index.search(heard(3, 7))[0].reference == "b3"


def test_an_id_is_there_once(index, prints):
    with pytest.raises(ValueError, match="b3"):
        index.add("b3", prints["b3"])
    with pytest.raises(ValueError, match="new"):
        index.add_many([("new", prints["b3"]), ("new", prints["b4"])])
    assert "new" not in index
    with pytest.raises(KeyError):
        index.remove("b99")


def test_merging_keeps_words_levels_and_places(index, prints):
    fresh = ReferenceIndex()
    fresh.add_many(prints.items())
    assert len(index.segments) < COUNT
    for name in prints:
        np.testing.assert_array_equal(index.words_of(name), fresh.words_of(name))
        np.testing.assert_array_equal(index.levels_of(name), fresh.levels_of(name))
    for n in (0, 5, COUNT - 1):
        assert [(x.reference, x.offset_frames) for x in index.search(heard(n, 3))] == [
            (x.reference, x.offset_frames) for x in fresh.search(heard(n, 3))
        ]


def test_removed_references_leave_with_a_merge(prints):
    index = ReferenceIndex()
    for n, (name, words) in enumerate(prints.items()):
        index.add(name, words)
        if n % 2:
            index.remove(name)
    assert sum(len(segment.ids) for segment, _ in index.segments) < COUNT
    assert index.ids == sorted(f"b{n}" for n in range(0, COUNT, 2))


def test_empty_references_and_questions(prints):
    index = ReferenceIndex()
    silence = fingerprint(np.zeros(8_000, np.float32), 8_000)
    index.add("nothing", fingerprint(np.zeros(0, np.float32), 8_000))
    index.add("silence", silence)
    assert index.search(silence) == []
    assert index.search(prints["b1"].part(0, 0)) == []
    index.add("b1", prints["b1"])
    assert index.search(heard(1, 3))[0].reference == "b1"


def test_a_reference_costs_less_than_130_bytes_a_second(prints):
    index = ReferenceIndex()
    index.add_many(prints.items())
    assert index.memory_bytes / (20 * COUNT) < 130
