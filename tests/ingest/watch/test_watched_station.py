"""A station with ears: sound in, verdicts out."""

import numpy as np
import pytest

from ingest.receiver.stations import Slot
from ingest.reference.recogniser import Recogniser
from ingest.watch.schedule import Schedule
from ingest.watch.watched_station import References, WatchedStation
from tests.dsp.recognise.spoken import doubtful, speech
from tests.ingest.watch.seconds import ALL_DAY, STATION, off_air, record, stranger

RATE = 48_000


@pytest.fixture(scope="module")
def sounds():
    return {name: speech(45.0, seed, RATE) for name, seed in (("morning", 31), ("other", 32))}


@pytest.fixture(scope="module")
def references(sounds):
    return References.of({"morning": sounds["morning"]}, RATE)


def judged(references, sound, records, schedule=ALL_DAY, cut=RATE):
    """Give the sound in pieces of `cut` frames, and judge every record when its second is there."""
    ear = WatchedStation(STATION, schedule, references)
    verdicts, given = [], 0
    for made in records:
        while given < min((made["second"] + 1) * RATE, len(sound)):
            piece = sound[given : given + cut]
            ear.audio(given, np.stack([piece, piece], axis=1))
            given += len(piece)
        verdicts.append(ear.judge(made))
    return verdicts, ear


def raised(verdicts):
    return [(v.second, v.finding) for v in verdicts if v.raised]


def test_a_bulletin_that_is_due_is_recognised_and_nothing_is_told(references, sounds):
    verdicts, ear = judged(references, sounds["morning"], [record(s) for s in range(40)])
    assert raised(verdicts) == []
    assert verdicts[-1].detail == "morning"
    assert [c.answer.reference for c in ear.finish()][-3:] == ["morning"] * 3


def test_the_answers_do_not_depend_on_how_the_sound_is_cut(references, sounds):
    records = [record(s) for s in range(16)]
    told = [
        [c.answer for c in judged(references, sounds["morning"], records, cut=cut)[1].finish()]
        for cut in (RATE, 4_801, 3 * RATE)
    ]
    assert told[0] == told[1] == told[2]


def test_another_programme_is_found_within_ten_seconds(references, sounds):
    sound = np.concatenate([sounds["morning"][: 20 * RATE], sounds["other"]])
    [(second, finding)] = raised(judged(references, sound, [record(s) for s in range(34)])[0])
    assert finding == "wrong_programme"
    assert second + 1 - 20 <= 10


def test_a_stranger_of_five_seconds_is_found_within_five(references, sounds):
    sound = sounds["morning"].copy()
    sound[20 * RATE : 25 * RATE] = sounds["other"][: 5 * RATE]
    records = [record(s) for s in range(20)]
    # Its carrier is much like the own one, without RDS: the content decides.
    records += [record(s, groups=[], rds_hz=None) for s in range(20, 25)]
    records += [record(s) for s in range(25, 35)]
    found = raised(judged(references, sound, records)[0])
    assert found[0][1] == "captured", found
    assert found[0][0] < 25


def test_silence_while_it_speaks_is_found_within_three_seconds(references, sounds):
    sound = sounds["morning"].copy()
    sound[int(20.4 * RATE) :] = 0.0
    records = [record(s) for s in range(21)] + [
        record(s, findings=["silence"]) for s in range(21, 26)
    ]
    found = raised(judged(references, sound, records)[0])
    assert found[0][1] == "silence"
    assert found[0][0] + 1 - 20.4 <= 3.0


def test_a_gap_is_inconclusive_and_the_bulletin_is_known_again_at_once(references, sounds):
    ear = WatchedStation(STATION, ALL_DAY, references)
    verdicts = []
    for second in range(40):
        lost = 20 <= second < 24
        if not lost:
            piece = sounds["morning"][second * RATE : (second + 1) * RATE]
            ear.audio(second * RATE, piece[:, None])
        verdicts.append(ear.judge(record(second, missing_samples=1_000 if lost else 0)))
    assert raised(verdicts) == []
    assert [v.finding for v in verdicts[20:24]] == ["inconclusive"] * 4
    matched = [c.answer.second for c in ear.finish() if c.answer.reference == "morning"]
    assert min(s for s in matched if s >= 24) <= 28


def test_part_of_a_second_that_was_lost_is_silent_there(references, sounds):
    ear = WatchedStation(STATION, ALL_DAY, references)
    piece = sounds["morning"][: RATE // 2, None]
    ear.audio(RATE // 2, piece)  # the second half of second 0
    ear.audio(RATE + 100, piece)
    assert ear.judge(record(0, missing_samples=24_000)).finding == "inconclusive"
    assert ear.judge(record(1, missing_samples=100)).finding == "inconclusive"


def test_no_carrier_and_then_a_stranger(references, sounds):
    sound = sounds["morning"].copy()
    sound[20 * RATE : 24 * RATE] = 0.05 * np.random.default_rng(2).standard_normal(4 * RATE)
    sound[24 * RATE : 32 * RATE] = sounds["other"][: 8 * RATE]
    records = [record(s) for s in range(20)] + [off_air(s) for s in range(20, 24)]
    records += [stranger(s) for s in range(24, 29)]
    found = raised(judged(references, sound, records)[0])
    assert [finding for _, finding in found] == ["off_air", "stranger_on_idle_channel"]
    assert found[1][0] < 29


def test_a_station_without_schedule_or_references_is_watched_by_its_carrier(sounds):
    nothing = References.of({}, RATE)
    records = [record(s) for s in range(20)] + [stranger(s) for s in range(20, 25)]
    found = raised(judged(nothing, sounds["other"], records, Schedule(()))[0])
    assert [finding for _, finding in found] == ["captured"]


def test_what_the_slot_names_needs_less_proof(references, sounds, monkeypatch):
    class Faint(Recogniser):
        """Hears a quarter of all signs wrongly."""

        def process_prints(self, prints, *, ended=False):
            return super().process_prints(doubtful(prints), ended=ended)

    monkeypatch.setattr("ingest.watch.watched_station.Recogniser", Faint)
    records = [record(second) for second in range(40)]
    for schedule, named in ((ALL_DAY, True), (Schedule((Slot("00:00", "23:59"),)), False)):
        _, ear = judged(references, sounds["morning"], records, schedule=schedule)
        assert any(c.answer.verdict == "match" for c in ear.finish()) is named


def test_references_know_where_they_speak(references):
    assert references.lengths_s == {"morning": 45.0}
    assert references.speaks("morning", 10.0) is True
    assert references.speaks("morning", 60.0) is None
    assert references.speaks("gone", 0.0) is None
