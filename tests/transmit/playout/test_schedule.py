"""SCHEDULE.toml and a commune's clock, with and without summer time."""

import itertools
import random
from datetime import date, time

import pytest

from dsp.errors import Refusal
from tests.transmit.playout.made import HEAD, at_ms, inputs, item, schedule
from transmit.playout.local_time import moment_ms, utc_of, zone_of
from transmit.playout.programme import DAY_MS, jobs
from transmit.playout.schedule import read_schedule

WEEK = (at_ms("2026-11-22T17:00:00"), at_ms("2026-11-29T17:00:00"))  # Mon–Sun in Vietnam


def releases(text, span=WEEK, before="", begun=None):
    found = jobs(inputs(text, before=before, begun=begun), "tri-ton.1", *span)
    return [
        f"{utc_of(job.release_ms):%d %H:%M}" for job in sorted(found, key=lambda j: j.release_ms)
    ]


def test_every_day_at_five_in_vietnam_is_22_the_day_before():
    assert releases(item("x")) == [f"{day} 22:00" for day in range(22, 29)]


def test_weekly_on_its_days():
    text = item("x", when="weekly", days=("mon", "sat"))
    assert releases(text) == ["22 22:00", "27 22:00"]


def test_once():
    assert releases(item("x", when="once", at="2026-11-25T17:30")) == ["25 10:30"]


def test_now_is_when_it_was_first_read():
    text = '[[item]]\nid = "x"\nwhen = "now"\naudio = "a.wav"\n'
    assert releases(text, begun={"x": WEEK[0] + DAY_MS}) == ["23 17:00"]
    assert releases(text) == []


def test_a_zone_without_the_item_plays_nothing():
    text = item("x", zones=("tri-ton.2",))
    assert releases(text) == []
    assert jobs(inputs(text), "tri-ton.2", *WEEK)


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (date(2026, 3, 28), time(2, 30), "2026-03-28 01:30"),
        (date(2026, 3, 29), time(2, 30), "2026-03-29 01:30"),  # does not exist: 03:30 summer time
        (date(2026, 3, 29), time(3, 0), "2026-03-29 01:00"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25 00:30"),  # twice: the first
        (date(2026, 10, 25), time(3, 30), "2026-10-25 02:30"),
    ],
)
def test_summer_time(day, at, utc):
    found = utc_of(moment_ms(day, at, zone_of("Europe/Berlin")))
    assert f"{found:%Y-%m-%d %H:%M}" == utc


def test_every_day_of_a_year_with_summer_time_has_its_item_once():
    zone = zone_of("Europe/Berlin")
    for hour in (0, 2, 3):
        moments = [
            moment_ms(date.fromordinal(date(2026, 1, 1).toordinal() + n), time(hour, 30), zone)
            for n in range(365)
        ]
        steps = {(after - before) // 3_600_000 for before, after in itertools.pairwise(moments)}
        assert steps == {23, 24, 25}


def test_vietnam_has_none():
    zone = zone_of("Asia/Ho_Chi_Minh")
    moments = [
        moment_ms(date.fromordinal(date(2026, 1, 1).toordinal() + n), time(2, 30), zone)
        for n in range(365)
    ]
    assert {b - a for a, b in itertools.pairwise(moments)} == {DAY_MS}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("x = ", "schedule.toml", "a TOML file"),
        ("colour = 1", "schedule.key", "unknown colour"),
        (item("x", at="25:00"), "schedule.value", "00:00 to 23:59:59"),
        (item("x", at="5:00"), "schedule.value", "00:00 to 23:59:59"),
        (item("x", when="once"), "schedule.value", "2026-11-24T05:00"),
        (item("x", when="once", at="2026-02-30T05:00"), "schedule.value", "2026-11-24T05:00"),
        (item("x", when="hourly"), "schedule.value", "'once' or 'daily'"),
        (item("x", when="weekly"), "schedule.value", "days"),
        (item("x", when="weekly", days=("mon", "mon")), "schedule.value", "days"),
        (item("x", when="weekly", days=("monday",)), "schedule.value", "'mon' or 'tue'"),
        (item("x", priority="urgent"), "schedule.value", "'normal' or 'priority'"),
        (item("x", zones=("nowhere",)), "schedule.value", "zones of this file"),
        (item("x", live="http://x"), "schedule.value", "pipe:PATH"),
        (item("x", live="pipe:p", minutes=0), "schedule.value", "0.05 … 1440"),
        (item("x") * 2, "schedule.value", "each id once"),
        ('[[item]]\nid = "x"\nwhen = "daily"\nat = "05:00"\n', "schedule.value", "one of audio"),
        (item("a b"), "schedule.value", "letters, digits"),
    ],
)
def test_what_is_wrong_is_named(text, kind, words):
    with pytest.raises(Refusal) as caught:
        schedule(text)
    assert caught.value.kind == kind
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("crossfade_ms = 5000\n", "0 … 2000"),
        ("ceiling_dbfs = 1\n", "-30 … 0"),
        ("wait_minutes = -1\n", "0 … 720"),
        ("holders_emergency = 0\n", "1 … 4"),
        ('inbox = "in"\n', "together"),
    ],
)
def test_ranges(before, words):
    with pytest.raises(Refusal) as caught:
        schedule(before=before)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Asia/Saigon City", "../../etc/passwd", "", "Nowhere/Land", "Asia"]
)
def test_zones_that_are_none(name):
    with pytest.raises(Refusal, match="time_zone"):
        read_schedule(HEAD.replace("Asia/Ho_Chi_Minh", name).encode())


def test_no_zone_is_no_schedule():
    with pytest.raises(Refusal, match="zone"):
        read_schedule(b'commune = "x"\nzone = []\n')


def kind_of(content):
    try:
        read_schedule(content)
    except Refusal as refusal:
        return refusal.kind
    return None


def test_a_thousand_hostile_schedules():
    draw = random.Random(12)
    row = (HEAD + item("x", when="weekly", days=("mon",)) + item("y", live="pipe:p")).encode()
    kinds = set()
    for _ in range(1_000):
        cut = bytearray(row)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(cut))
            if draw.random() < 0.5:
                cut[place] = draw.randrange(256)
            else:
                del cut[place : place + draw.randint(1, 20)]
        kinds.add(kind_of(bytes(cut)))
    assert kinds == {None, "schedule.toml", "schedule.key", "schedule.value"}


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b"zone = 1", b"commune = []"])
def test_schedules_that_are_none(content):
    assert kind_of(content).startswith("schedule.")
