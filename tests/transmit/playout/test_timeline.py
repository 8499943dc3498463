"""Who plays when: the three priorities, resuming, ends; and the clock is all that is needed."""

import random

import pytest

from tests.transmit.playout.made import LENGTHS, MINUTE_MS, at_ms, heard, inputs, item, shown
from transmit.playout.programme import DAY_MS, READY_MS, clashes, timeline, what_plays
from transmit.playout.timeline import Job, Part, lay_out

FIVE = at_ms("2026-11-23T22:00:00")  # 05:00 of the 24th in Vietnam
ZONE = "tri-ton.1"
READY = READY_MS / 1000


def day(text="", bulletins=(), before="", zone=ZONE, hours=2):
    given = inputs(text, bulletins, before)
    return timeline(given, zone, FIVE, FIVE + hours * 60 * MINUTE_MS)


def seen(text="", bulletins=(), minutes=30, **options):
    return shown(day(text, bulletins, **options), FIVE, FIVE + minutes * MINUTE_MS)


def outcomes(laid_out):
    return [(one.job.name, one.outcome) for one in laid_out.endings if one.at_ms >= FIVE]


def test_an_item_plays_at_its_time_and_ends():
    assert seen(item("a")) == [(0, "a", 0), (120, None, 0)]


def test_normal_ones_follow_each_other():
    text = item("a") + item("b", "b.wav", at="05:01")
    assert seen(text) == [(0, "a", 0), (120, "b", 0), (180, None, 0)]


def test_normal_ones_of_one_time_go_by_the_communes_order():
    text = item("a") + item("b", "b.wav")
    assert [name for _, name, _ in seen(text)] == ["a", "b", None]
    before = 'order = ["b", "a"]\n'
    assert [name for _, name, _ in seen(text, before=before)] == ["b", "a", None]


def emergency(at="2026-11-23T22:00:30", name="flood", **said):
    usual = {"not_before": "2026-11-23T05:00:00Z", "expires": "2026-11-24T12:00:00Z"}
    return heard(name, at, **(usual | said))


def test_an_emergency_plays_at_once_and_what_it_cut_goes_on_where_it_was():
    begin = 30 + READY
    assert seen(item("a"), [emergency()]) == [
        (0, "a", 0),
        (begin, "province.vinh-long/flood", 0),
        (begin + 60, "a", begin),
        (180, None, 0),
    ]


def test_an_emergency_plays_in_the_addressed_zones_only():
    told = emergency()
    assert ("province.vinh-long/flood", "played") in outcomes(day("", [told]))
    assert outcomes(day("", [told], zone="tri-ton.2")) == []


def test_an_emergency_cuts_into_everything():
    for priority in ("normal", "priority"):
        text = item("a", priority=priority)
        assert seen(text, [emergency()])[1][1].endswith("flood")


def test_a_second_emergency_waits_for_the_first():
    second = emergency("2026-11-23T22:00:40", "fire")
    names = [name for _, name, _ in seen("", [emergency(), second])]
    assert names == ["province.vinh-long/flood", "province.vinh-long/fire", None]


def test_an_exercise_never_goes_before_the_real():
    drill = emergency("2026-11-23T22:00:10", "drill", test=True)
    names = [name.split("/")[1] for _, name, _ in seen("", [drill, emergency()]) if name]
    assert names == ["drill", "flood", "drill"]


def test_two_emergencies_of_one_moment_go_by_name():
    assert seen("", [emergency(name="b"), emergency(name="a")])[0][1].endswith("/a")


def priority(at="2026-11-23T21:50:00", name="news", **said):
    return emergency(
        at, name, **({"priority": "priority", "not_before": "2026-11-23T22:00:00Z"} | said)
    )


def test_priority_goes_before_normal():
    text = item("a") + item("b", "b.wav")
    names = [name for _, name, _ in seen(text, [priority()])]
    assert names == ["province.vinh-long/news", "a", "b", None]


def test_priority_does_not_cut_a_recording_that_has_begun():
    told = priority(not_before="2026-11-23T22:01:00Z")
    assert seen(item("a"), [told]) == [
        (0, "a", 0),
        (120, "province.vinh-long/news", 0),
        (180, None, 0),
    ]


def test_priority_cuts_into_a_relay_which_goes_on_meanwhile():
    told = priority(not_before="2026-11-23T22:01:00Z")
    assert seen(item("vov", live="pipe:vov", minutes=5), [told]) == [
        (0, "vov", 0),
        (60, "province.vinh-long/news", 0),
        (120, "vov", 120),
        (300, None, 0),
    ]


@pytest.mark.parametrize("first", ["own", "province.vinh-long/news"])
def test_of_two_priority_ones_the_commune_decides(first):
    text = item("own", "b.wav", priority="priority")
    names = [name for _, name, _ in seen(text, [priority()], before=f'order = ["{first}"]\n')]
    assert names[0] == first


def test_a_normal_bulletin_plays_only_where_the_commune_puts_it():
    told = emergency("2026-11-23T21:00:00", "news", priority="normal")
    assert seen("", [told]) == []
    text = item("slot", bulletin="province.vinh-long/news", at="05:10")
    assert seen(text, [told]) == [(600, "province.vinh-long/news", 0), (660, None, 0)]


def test_a_slot_of_a_bulletin_that_has_not_come_stays_empty():
    text = item("slot", bulletin="province.vinh-long/news", at="05:10")
    assert seen(text) == []
    late = emergency("2026-11-23T22:20:00", "news", priority="normal")
    assert seen(text, [late]) == []


def test_a_priority_bulletin_that_the_commune_put_somewhere_plays_there_and_once():
    text = item("slot", bulletin="province.vinh-long/news", at="05:10", priority="priority")
    assert seen(text, [priority()])[0] == (600, "province.vinh-long/news", 0)
    assert [name for _, name, _ in seen(text, [priority()])].count("province.vinh-long/news") == 1


def test_what_expires_is_cut():
    told = emergency(expires="2026-11-23T22:00:45Z")
    laid_out = day("", [told])
    assert shown(laid_out, FIVE, FIVE + MINUTE_MS)[-1] == (45, None, 0)
    assert outcomes(laid_out) == [("province.vinh-long/flood", "expired")]


def test_a_cancel_cuts_at_once_and_is_kept_to_its_zones():
    cancel = heard(
        "cancel",
        "2026-11-23T22:00:50",
        cancels="flood",
        audio=(),
        not_before="2026-11-23T05:00:00Z",
        counter=9,
    )
    laid_out = day("", [emergency(), cancel])
    assert shown(laid_out, FIVE, FIVE + MINUTE_MS)[-1] == (50, None, 0)
    assert outcomes(laid_out) == [("province.vinh-long/flood", "cancelled")]
    both = emergency(zones=("tri-ton.1", "tri-ton.2"))
    assert outcomes(day("", [both, cancel], zone="tri-ton.2"))[0][1] == "played"


@pytest.mark.parametrize("change", [{"priority": "normal"}, {"issuer": "province.other"}])
def test_a_cancel_without_the_weight_ends_nothing(change):
    said = {"cancels": "flood", "audio": (), "not_before": "2026-11-23T05:00:00Z"} | change
    cancel = heard("cancel", "2026-11-23T22:00:50", **said)
    assert outcomes(day("", [emergency(), cancel])) == [("province.vinh-long/flood", "played")]


def test_what_waited_too_long_is_missed():
    before = "wait_minutes = 1.0\n"
    laid_out = day(item("a") + item("b", "b.wav"), before=before)
    assert outcomes(laid_out) == [("b", "missed"), ("a", "played")]


def test_an_interrupted_item_is_not_missed():
    before = "wait_minutes = 0.5\n"
    laid_out = day(item("a"), [emergency()], before=before)
    assert outcomes(laid_out)[-1] == ("a", "played")


# The clock is all that is needed.


def plan(seed):
    draw = random.Random(seed)
    text = "".join(
        item(
            f"i{n}",
            draw.choice(sorted(LENGTHS)),
            at=f"05:{draw.randrange(10):02}:{draw.randrange(60):02}",
            priority=draw.choice(["normal", "normal", "priority"]),
            **({"live": "pipe:p", "minutes": 2.0} if draw.random() < 0.2 else {}),
        )
        for n in range(8)
    )
    bulletins = [
        emergency(
            f"2026-11-23T22:{draw.randrange(12):02}:{draw.randrange(60):02}",
            f"b{n}",
            priority=draw.choice(["priority", "emergency"]),
            seconds=draw.randrange(1, 90),
            test=draw.random() < 0.2,
        )
        for n in range(5)
    ]
    return text, bulletins


@pytest.mark.parametrize("seed", range(12))
def test_after_a_restart_at_any_moment_it_is_where_the_clock_says(seed):
    text, bulletins = plan(seed)
    given = inputs(text, bulletins)
    whole = timeline(given, ZONE, FIVE, FIVE + 40 * MINUTE_MS)
    draw = random.Random(seed)
    for _ in range(20):
        now = FIVE + draw.randrange(25 * MINUTE_MS)
        after, before = what_plays(given, ZONE, now), whole.at(now)
        assert after.job == before.job
        assert now - after.begin_ms + after.offset_ms == now - before.begin_ms + before.offset_ms


@pytest.mark.parametrize("seed", range(12))
def test_what_comes_later_changes_nothing_that_is_past(seed):
    text, bulletins = plan(seed)
    whole = timeline(inputs(text, bulletins), ZONE, FIVE, FIVE + 40 * MINUTE_MS)
    for one in bulletins:
        known = [other for other in bulletins if other.accepted_ms < one.accepted_ms]
        before = timeline(inputs(text, known), ZONE, FIVE, FIVE + 40 * MINUTE_MS)
        for moment in range(FIVE, one.accepted_ms, 7_000):
            assert before.at(moment).job == whole.at(moment).job


@pytest.mark.parametrize("seed", range(12))
def test_every_recording_plays_whole_and_in_order_and_nothing_overlaps(seed):
    text, bulletins = plan(seed)
    laid_out = timeline(inputs(text, bulletins), ZONE, FIVE, FIVE + 60 * MINUTE_MS)
    played = {}
    for one, after in zip(laid_out.segments, laid_out.segments[1:], strict=False):
        assert one.end_ms == after.begin_ms
    for one in laid_out.segments:
        if one.job is not None and one.job.live is None:
            assert one.offset_ms == played.get(one.job.id, 0)
            played[one.job.id] = one.offset_ms + one.end_ms - one.begin_ms
    for end in laid_out.endings:
        if end.outcome == "played" and end.job.live is None:
            assert played[end.job.id] == end.job.length_ms
    for one in laid_out.segments:  # nothing but an emergency plays while one waits
        if one.job is None or one.job.priority != "emergency":
            for job in (end.job for end in laid_out.endings if end.job.priority == "emergency"):
                ended = next(end.at_ms for end in laid_out.endings if end.job is job)
                assert not job.release_ms <= one.begin_ms < ended


def test_a_moment_beyond_the_timeline_has_no_segment():
    laid_out = lay_out([Job("a", "a", (Part("a", 10),), 5)], 0, 100)
    assert [laid_out.at(moment) is None for moment in (-1, 0, 99, 100)] == [
        True,
        False,
        False,
        True,
    ]


def test_two_playings_of_days_before_are_not_played_again():
    given = inputs(item("a"))
    assert what_plays(given, ZONE, FIVE + 5 * DAY_MS + 1_000).job.name == "a"
    assert what_plays(given, ZONE, FIVE + 5 * DAY_MS + 121_000).job is None


# Clashes.


def found(text, before=""):
    return [
        (one.loudspeaker, one.first, one.second, one.overlap_ms // 1000, one.resolved)
        for one in clashes(inputs(text, before=before), FIVE, FIVE + DAY_MS)
    ]


def test_clashes_are_told_by_loudspeaker_and_who_decides():
    text = item("a") + item("b", "b.wav", at="05:01", zones=("tri-ton.2",))
    assert found(text) == [("tri-ton.2", "a", "b", 60, "undecided")]
    assert found(text, 'order = ["b"]\n')[0][-1] == "order"
    text = item("a") + item("b", "b.wav", at="05:01", priority="priority")
    assert {one[-1] for one in found(text)} == {"priority"}
    assert found(item("a") + item("b", at="05:02")) == []


def test_a_loudspeaker_of_two_zones_clashes_between_them():
    text = item("a", zones=("tri-ton.1",)) + item("b", at="05:01", zones=("tri-ton.2",))
    assert found(text) == []
    ears = '[[loudspeaker]]\nid = "horn-9"\nzones = ["tri-ton.1", "tri-ton.2"]\n'
    assert found(ears + text) == [("horn-9", "a", "b", 60, "undecided")]
