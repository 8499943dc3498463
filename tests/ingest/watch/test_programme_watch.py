"""The recogniser's answers against the schedule."""

from datetime import timedelta

import pytest

from ingest.receiver.stations import Slot
from ingest.watch.programme_watch import END_S, Expected, ProgrammeWatch
from ingest.watch.schedule import Schedule
from tests.ingest.watch.seconds import ALL_DAY, START, Said

MORNING_THEN_NOON = Schedule(
    (Slot("22:00", "22:05", reference="morning"), Slot("22:05", "22:10", reference="noon"))
)


def at(second):
    return START + timedelta(seconds=second)


def watched(schedule=ALL_DAY, **settings):
    return ProgrammeWatch(schedule, **settings)


def hear(programme, answers, confirmed=None):
    for answer in answers:
        programme.hear(answer, at(answer.second), confirmed=confirmed)
    return programme.finding()


def due(schedule, second):
    return schedule.due(at(second))


def test_what_is_heard_is_expected_to_go_on():
    programme = watched(lengths_s={"morning": 100.0})
    hear(programme, [Said(5, "match", "morning", 20.0)])
    assert programme.expected(15, due(ALL_DAY, 15)) == Expected("morning", 30.0)
    assert programme.expected(int(85 - END_S), due(ALL_DAY, 80)) is None


def test_what_is_due_is_expected_half_a_minute_after_its_slot_began():
    programme = watched(MORNING_THEN_NOON)
    assert programme.expected(29, due(MORNING_THEN_NOON, 29)) is None
    assert programme.expected(31, due(MORNING_THEN_NOON, 31)) == Expected("morning", None)


def test_what_was_heard_to_its_end_is_not_expected_again_in_its_slot():
    programme = watched(MORNING_THEN_NOON, lengths_s={"morning": 60.0})
    hear(programme, [Said(40, "match", "morning", 40.0)])
    for second in range(40, 298):
        now = due(MORNING_THEN_NOON, second)
        programme.ended(second, now)
        assert second < 60.0 - END_S or programme.expected(second, now) is None
    assert programme.expected(340, due(MORNING_THEN_NOON, 340)) == Expected("noon", None)


def test_anything_may_be_heard_in_a_slot_for_anything():
    anything = Schedule((Slot("00:00", "23:59"),))
    programme = watched(anything)
    assert hear(programme, [Said(s, "unknown") for s in range(40, 90)], confirmed=True) is None


@pytest.mark.parametrize(
    ("verdict", "reference", "seconds"),
    [("unknown", None, 2), ("match", "evening", 2), ("inconclusive", None, 3)],
)
def test_a_confirmed_mismatch_is_found_after_some_seconds(verdict, reference, seconds):
    programme = watched()
    hear(programme, [Said(5, "match", "morning", 5.0)])
    answers = [Said(6 + n, verdict, reference, 1.0) for n in range(seconds)]
    assert hear(programme, answers[:-1], confirmed=True) is None
    finding = hear(programme, answers[-1:], confirmed=True)
    assert finding[0] == "wrong_programme"
    assert finding[3] == 6


def test_what_is_not_confirmed_never_is_found():
    programme = watched()
    hear(programme, [Said(5, "match", "morning", 5.0)])
    assert hear(programme, [Said(s, "unknown") for s in range(6, 66)]) is None


def test_the_same_after_all_forgets_what_spoke_against_it():
    programme = watched()
    hear(programme, [Said(5, "match", "morning", 5.0)])
    hear(programme, [Said(6, "unknown")], confirmed=True)
    hear(programme, [Said(7, "unknown")], confirmed=False)
    assert programme.evidence == 0.0
    assert hear(programme, [Said(8, "unknown")], confirmed=True) is None


def test_evidence_fades_while_nothing_is_said():
    programme = watched()
    hear(programme, [Said(5, "match", "morning", 5.0), Said(6, "unknown")], confirmed=True)
    hear(programme, [Said(s, "silence") for s in range(7, 17)])
    assert programme.since is None


def test_evidence_is_bounded():
    programme = watched()
    hear(programme, [Said(5, "match", "morning", 5.0)])
    hear(programme, [Said(s, "unknown") for s in range(6, 3_600)], confirmed=True)
    hear(programme, [Said(s, "silence") for s in range(3_600, 3_615)])
    assert programme.finding() is None


def carried(programme, seconds, programme_on):
    for second in seconds:
        programme.carry(at(second), programme=programme_on)
    return programme.finding()


def test_a_programme_outside_every_slot_is_found_by_its_carrier_alone():
    night = watched(Schedule((Slot("04:00", "04:30"),)))
    assert carried(night, range(5), programme_on=True) is None
    assert carried(night, [5], programme_on=True)[:2] == (
        "out_of_slot",
        "a programme while no slot is on",
    )
    assert carried(night, range(6, 16), programme_on=False) is None


def test_a_reference_outside_its_slot_is_named_and_forgotten_when_it_is_over():
    night = watched(Schedule((Slot("04:00", "04:30", reference="morning"),)))
    for second in range(10):
        night.carry(at(second), programme=True)
        night.hear(Said(second, "match", "morning", float(second)), at(second), confirmed=None)
    assert night.finding()[1] == "morning outside its slot"
    assert carried(night, range(10, 30), programme_on=False) is None


def test_a_minute_beside_a_slot_is_no_offence():
    assert (
        carried(watched(Schedule((Slot("22:01", "22:30"),))), range(60), programme_on=True) is None
    )


def test_without_a_schedule_nothing_is_outside_of_it():
    assert carried(watched(Schedule(())), range(600), programme_on=True) is None


def test_a_reference_that_is_not_due_is_expected_to_go_on_after_a_while_only():
    free = watched(Schedule(()))
    hear(free, [Said(s, "match", "morning", float(s)) for s in range(14)])
    assert free.expected(14, []) is None
    hear(free, [Said(s, "match", "morning", float(s)) for s in range(14, 16)])
    assert free.expected(16, []) == Expected("morning", 16.0)


def test_a_shared_sentence_in_each_of_two_places_is_not_going_on():
    free = watched(Schedule(()))
    hear(free, [Said(s, "match", "morning", float(s)) for s in range(10)])
    hear(free, [Said(s, "match", "morning", s + 50.0) for s in range(20, 30)])
    assert free.expected(30, []) is None
