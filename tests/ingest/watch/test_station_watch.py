import numpy as np
import pytest

from ingest.receiver.stations import Slot, Station
from ingest.watch.programme_watch import Following
from ingest.watch.schedule import Schedule
from ingest.watch.station_watch import StationWatch
from ingest.watch.verdict import STATES
from tests.ingest.watch.seconds import (
    ALL_DAY,
    STATION,
    Said,
    findings,
    off_air,
    record,
    run,
    stranger,
    watch,
)

BEGIN = 20
OWN = [record(s) for s in range(BEGIN)]


def morning(first, last, offset_s=0.0):
    return [Said(s, "match", "morning", s + offset_s) for s in range(first, last)]


def test_a_station_by_itself_is_ok():
    verdicts = run(watch(), [record(s) for s in range(200)])
    assert {v.state for v in verdicts} == {"ok"}
    assert verdicts[0].as_dict().keys() >= {"time", "station", "state", "finding", "detail", "u"}


def test_a_stranger_over_the_own_carrier_captured_the_receiver_within_three_seconds():
    verdicts = run(watch(), OWN + [stranger(s) for s in range(BEGIN, BEGIN + 5)])
    [(second, finding)] = findings(verdicts)
    assert finding == "captured"
    assert second <= BEGIN + 1  # told at the end of that second
    raised = verdicts[second]
    assert raised.state == "capture"
    assert raised.began_second == BEGIN
    assert "rds gone" in raised.detail
    assert "offset jumped" in raised.detail


def test_a_stranger_on_the_idle_channel_is_an_intruder():
    idle = [off_air(s) for s in range(BEGIN, BEGIN + 5)]
    there = [stranger(s) for s in range(BEGIN + 5, BEGIN + 10)]
    [(second, finding)] = findings(run(watch(), OWN + idle + there))[-1:]
    assert finding == "stranger_on_idle_channel"
    assert STATES[finding] == "intruder"
    assert second <= BEGIN + 5 + 2  # told at the end of that second


def test_a_stranger_is_known_before_the_station_was_ever_heard():
    slots = Schedule((Slot("04:00", "04:30"),))
    idle = [off_air(s) for s in range(5)]
    verdicts = run(watch(slots), idle + [stranger(s) for s in range(5, 10)])
    assert findings(verdicts) == [(7, "stranger_on_idle_channel")]


def test_the_own_transmitter_that_comes_back_is_no_stranger():
    idle = [off_air(s) for s in range(BEGIN, BEGIN + 30)]
    # It warms up: 300 Hz off at first, and RDS takes a second.
    first = record(BEGIN + 30, offset_hz=390.0, groups=[], rds_hz=None)
    back = [record(BEGIN + 31 + s, offset_hz=390.0 - 3.0 * s) for s in range(60)]
    slots = Schedule(())
    raised = findings(run(watch(slots), [*OWN, *idle, first, *back]))
    assert [finding for _, finding in raised] == ["off_air"]


def test_a_foreign_pi_is_enough_and_an_own_one_forgives_all():
    china = "C00124088D30E0E0"
    foreign = [record(s, groups=[china] * 5) for s in range(BEGIN, BEGIN + 3)]
    verdicts = run(watch(), OWN + foreign)
    assert findings(verdicts) == [(BEGIN + 1, "captured")]
    assert "other country" in verdicts[BEGIN + 1].detail
    odd = [stranger(s, groups=[record(s)["groups"][0]]) for s in range(BEGIN, BEGIN + 30)]
    assert findings(run(watch(), OWN + odd)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"rds_hz": None, "groups": []},
        {"offset_hz": 500.0, "groups": []},
        {"pilot_hz": None, "groups": []},
        {"level_dbfs": -35.0, "loudness_momentary_lufs": -40.0, "peak_deviation_hz": 10e3},
    ],
    ids=["RDS encoder", "drift", "stereo coder", "power"],
)
def test_no_single_fault_of_the_own_transmitter_is_a_stranger(changes):
    verdicts = run(watch(), OWN + [record(s, **changes) for s in range(BEGIN, BEGIN + 600)])
    assert not {"captured", "stranger_on_idle_channel"} & {v.finding for v in verdicts}


def test_a_station_without_a_pi_is_known_by_its_carrier():
    plain = StationWatch(Station(id="old", frequency_hz=60.4e6), Schedule(()))
    own = [record(s, groups=[], rds_hz=None, pilot_hz=None) for s in range(BEGIN)]
    other = [record(s, groups=[], rds_hz=None, offset_hz=-900.0) for s in range(BEGIN, BEGIN + 5)]
    assert findings(run(plain, own + other)) == [(BEGIN + 1, "captured")]


def test_wrong_programme_on_the_right_carrier_needs_the_second_opinion():
    answers = morning(0, BEGIN) + [Said(s, "unknown") for s in range(BEGIN + 3, BEGIN + 12)]
    records = [record(s) for s in range(BEGIN + 12)]
    by_second = {a.second: a for a in answers}
    for confirmed, wanted in ((True, [(BEGIN + 4, "wrong_programme")]), (None, []), (False, [])):
        watcher = watch(ALL_DAY)
        verdicts = [
            watcher.process(r, by_second.get(r["second"]), confirmed=confirmed) for r in records
        ]
        assert findings(verdicts) == wanted


def test_another_reference_is_named():
    watcher = watch(ALL_DAY)
    run(watcher, OWN, morning(0, BEGIN))
    for s in range(BEGIN, BEGIN + 6):
        verdict = watcher.process(record(s), Said(s, "match", "evening", 5.0), confirmed=True)
    assert verdict.detail == "evening instead of morning"


def test_a_reference_that_has_ended_is_not_missed():
    watcher = watch(ALL_DAY, lengths_s={"morning": 22.0})
    answers = morning(0, BEGIN) + [Said(s, "unknown") for s in range(BEGIN, 60)]
    verdicts = [watcher.process(record(a.second), a, confirmed=True) for a in answers]
    assert {v.state for v in verdicts} == {"ok"}


def test_silence_while_the_reference_speaks_is_told_sooner():
    def quiet(s):
        return record(s, findings=["silence"])

    for speaks, within_s, told in (
        (True, 3, "silence"),
        (False, 10, "silence"),  # the recording's own fault
        (None, 10, "cut_short"),
    ):
        watcher = watch(ALL_DAY, speaks=lambda _r, _p, speaks=speaks: speaks)
        run(watcher, OWN, morning(0, BEGIN))
        verdicts = run(watcher, [quiet(s) for s in range(BEGIN, BEGIN + 15)])
        second, finding = findings(verdicts)[0]
        assert finding == told
        # Begun in mid-second before BEGIN at the earliest: told at the end of `second`.
        assert second + 1 - (BEGIN - 1) <= within_s


def test_a_bulletin_that_does_not_come_back_was_cut_short():
    watcher = watch(ALL_DAY, lengths_s={"morning": 300.0})
    run(watcher, OWN, morning(0, BEGIN))
    verdicts = run(watcher, [off_air(s) for s in range(BEGIN, BEGIN + 12)])
    assert [f for _, f in findings(verdicts)] == ["off_air", "cut_short"]
    assert verdicts[-1].state == "off_air"
    assert "morning ended at 20 s" in verdicts[-1].detail


def test_hiss_is_hiss():
    verdicts = run(watch(), OWN + [record(s, findings=["hiss"]) for s in range(BEGIN, BEGIN + 3)])
    assert findings(verdicts) == [(BEGIN + 1, "hiss")]
    bare = [record(s, findings=["hiss", "no_audio"]) for s in range(BEGIN, BEGIN + 10)]
    assert findings(run(watch(), OWN + bare)) == [(BEGIN + 8, "silence")]


def test_what_may_be_heard_by_the_schedule_is_what_slots_name_a_minute_around_them():
    slots = Schedule((Slot("22:02", "22:03", reference="morning"), Slot("22:02", "22:03")))
    due = [watch(slots).due(record(second)) for second in (59, 61, 150, 239, 241)]
    assert due == [frozenset(), *[frozenset({"morning"})] * 3, frozenset()]


def test_a_programme_outside_its_slot():
    slots = Schedule((Slot("04:00", "04:30", reference="morning"),))
    verdicts = run(watch(slots), OWN, [Said(s, "match", "morning", float(s)) for s in range(BEGIN)])
    assert findings(verdicts) == [(2, "out_of_slot")]
    assert verdicts[2].state == "wrong_programme"
    silent = run(watch(slots), [off_air(s) for s in range(60)])
    assert {v.state for v in silent} == {"ok"}


def test_gaps_are_inconclusive_and_never_an_alarm():
    rng = np.random.default_rng(4)
    watcher = watch(ALL_DAY)
    run(watcher, OWN, morning(0, BEGIN))
    for s in range(BEGIN, BEGIN + 400):
        kind = rng.integers(3)
        made = [stranger(s, missing_samples=9), off_air(s) | {"missing_samples": 1}]
        made.append(record(s, missing_samples=5, findings=["silence"]))
        verdict = watcher.process(made[kind])
        assert verdict.state == "inconclusive"
        assert not verdict.raised
    assert watcher.process(record(BEGIN + 400)).state == "ok"


def test_a_weak_signal_is_inconclusive():
    weak = [stranger(s, cn_db=8.0) for s in range(BEGIN, BEGIN + 20)]
    assert {v.state for v in run(watch(), OWN + weak)[BEGIN:]} == {"inconclusive"}


def test_a_weak_carrier_that_pauses_is_not_off_the_air():
    weak = [record(s, cn_db=10.4) for s in range(BEGIN, BEGIN + 5)]
    pause = [record(s, cn_db=10.2, findings=["hiss"]) for s in range(BEGIN + 5, BEGIN + 25)]
    assert findings(run(watch(), OWN + weak + pause)) == [(BEGIN + 13, "silence")]
    off = [record(s, cn_db=6.9, level_dbfs=-29.0, findings=["hiss"]) for s in range(5, 9)]
    assert findings(run(watch(), weak + off)) == [(7, "off_air")]


def test_the_state_does_not_grow():
    def size(thing):
        return len(repr(vars(thing))) + sum(
            len(getattr(v, "__dict__", ())) for v in vars(thing).values()
        )

    watcher = watch(Schedule(()))
    run(watcher, [record(s) for s in range(100)])
    before = size(watcher) + size(watcher.programme) + size(watcher.signature)
    run(watcher, [record(s) for s in range(100, 3_000)])
    after = size(watcher) + size(watcher.programme) + size(watcher.signature)
    assert after <= before + 200  # digits


def test_the_station_is_named():
    assert run(watch(), OWN[:1])[0].station == STATION.id


def test_a_carrier_like_the_own_one_that_says_something_else_is_found_within_five_seconds():
    watcher = watch(ALL_DAY)
    run(watcher, OWN, morning(0, BEGIN))
    run(watcher, [off_air(s) for s in range(BEGIN, BEGIN + 3)])
    told = []
    for s in range(BEGIN + 3, BEGIN + 8):
        since = watcher.stranger.suspect_since
        if since is not None and s - since + 1 >= 3:
            watcher.stranger.judge_content(same=False)
        told.append(watcher.process(record(s, groups=[], rds_hz=None)))
    assert findings(told)[0] == (BEGIN + 5, "stranger_on_idle_channel")


def test_a_bulletin_that_goes_on_is_the_station_whatever_its_carrier_looks_like():
    for same, wanted in ((True, []), (None, [(BEGIN + 2, "captured")])):
        watcher = watch(ALL_DAY)
        run(watcher, OWN, morning(0, BEGIN))
        told = []
        # RDS fails and the carrier jumps in the same second: a reserve exciter is switched on.
        for s in range(BEGIN, BEGIN + 20):
            since = watcher.stranger.suspect_since
            if same and since is not None and s - since + 1 >= 3:
                watcher.stranger.judge_content(same=same)
            told.append(watcher.process(stranger(s)))
        assert findings(told) == wanted


def test_a_foreign_pi_is_told_before_anybody_is_asked_for_the_content():
    watcher = watch(ALL_DAY)
    run(watcher, OWN, morning(0, BEGIN))
    foreign = [record(s, groups=["C00124088D30E0E0"] * 5) for s in range(BEGIN, BEGIN + 4)]
    assert findings(run(watcher, foreign)) == [(BEGIN + 1, "captured")]


def test_a_station_that_comes_back_cold_without_its_rds_for_two_seconds_is_no_stranger():
    watcher = watch(ALL_DAY)
    run(watcher, OWN, morning(0, BEGIN))
    run(watcher, [off_air(s) for s in range(BEGIN, BEGIN + 60)])
    dumb = [
        record(s, offset_hz=200.0, groups=[], rds_hz=None) for s in range(BEGIN + 60, BEGIN + 62)
    ]
    back = [record(s, offset_hz=200.0) for s in range(BEGIN + 62, BEGIN + 90)]
    assert not {v.finding for v in run(watcher, dumb + back)} & {
        "captured",
        "stranger_on_idle_channel",
    }


def test_what_only_the_second_opinion_knows_is_followed_to_its_end():
    watcher = watch(ALL_DAY, lengths_s={"morning": 60.0})
    told = []
    for s in range(100):
        # A tune: the fingerprint never names it, the second opinion finds it until it ends.
        heard = Following("morning", s, float(s)) if s < 56 else None
        answer, same = Said(s, "inconclusive" if s < 56 else "unknown"), s >= 56
        told.append(watcher.process(record(s), answer, confirmed=same, place=heard))
    assert {v.finding for v in told} == {"ok"}


def test_a_place_found_by_what_is_left_of_a_second_is_followed():
    """The player jumps just as samples are lost; what comes after is no other programme."""
    watcher = watch(ALL_DAY, lengths_s={"morning": 60.0})
    for s in range(20):
        watcher.process(record(s), Said(s, "match", "morning", float(s)))
    jumped = Following("morning", 20, 27.0)
    lost = watcher.process(record(20, missing_samples=9), Said(17, "inconclusive"), place=jumped)
    assert lost.finding == "inconclusive"
    assert watcher.expected(record(21)).place_s == pytest.approx(28.0)


def test_after_one_bulletin_the_next_slots_is_expected():
    slots = Schedule(
        (Slot("22:00", "22:01", reference="first"), Slot("22:01", "22:03", reference="tune"))
    )
    watcher = watch(slots, lengths_s={"first": 55.0, "tune": 60.0})
    for s in range(95):
        own = Said(s, "match", "first", float(s)) if s < 50 else Said(s, "unknown")
        watcher.process(record(s), own)
    assert watcher.expected(record(80)) is None  # 20 s into its slot
    assert watcher.expected(record(92)).reference == "tune"


def test_a_reference_nobody_recognised_may_have_been_played_when_its_time_is_over():
    slots = Schedule((Slot("22:00", "22:03", reference="tune"),))
    for first, wanted in ((40, ["wrong_programme"]), (70, [])):
        watcher = watch(slots, lengths_s={"tune": 60.0})
        told = []
        for s in range(100):
            answer = Said(s, "unknown" if s >= first else "inconclusive")
            told.append(watcher.process(record(s), answer, confirmed=s >= first or None))
        assert [finding for _, finding in findings(told)] == wanted
