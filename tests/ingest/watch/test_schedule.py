from datetime import UTC, datetime, timedelta, timezone

from ingest.receiver.stations import Slot
from ingest.watch.cues import ecc_of
from ingest.watch.schedule import Schedule

VIETNAM = timezone(timedelta(hours=7))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_slots_are_local():
    schedule = Schedule((Slot("05:00", "05:30", "mon-sat", "morning"),), VIETNAM)
    [due] = schedule.due(at("2026-05-15T22:10:00"))  # Saturday 05:10 in Vietnam
    assert (due.reference, due.since_s, due.left_s) == ("morning", 600.0, 1200.0)
    assert schedule.due(at("2026-05-16T22:10:00")) == []  # a Sunday there
    assert schedule.due(at("2026-05-15T22:30:00")) == []


def test_a_slot_over_midnight_belongs_to_the_day_it_begins():
    schedule = Schedule((Slot("23:30", "00:30", "sun", "late"),))
    assert schedule.due(at("2026-05-17T23:45:00"))
    assert schedule.due(at("2026-05-18T00:15:00"))
    assert not schedule.due(at("2026-05-17T00:15:00"))


def test_near_looks_both_ways():
    schedule = Schedule((Slot("05:00", "05:30", reference="a"),))
    assert [d.reference for d in schedule.near(at("2026-05-18T04:59:30"), 60.0)] == ["a"]
    assert [d.reference for d in schedule.near(at("2026-05-18T05:30:30"), 60.0)] == ["a"]
    assert schedule.near(at("2026-05-18T05:32:00"), 60.0) == []
    assert not Schedule(()).known


def test_the_extended_country_code_is_read():
    # Group 1A, variant 0: block 2 0001 0…, block 3 0 000 linkage, ECC F2.
    assert ecc_of("7001100000F20000") == 0xF2
    assert ecc_of("7001100030F20000") is None  # variant 3: language
    assert ecc_of("700124088D30E0E0") is None  # 2A
    assert ecc_of("7001----00F20000") is None
