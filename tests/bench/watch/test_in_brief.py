"""The watch's campaigns in small: trials and weeks received in brief, and how they are scored."""

import functools
import json
from dataclasses import asdict

import numpy as np
import pytest

from bench.watch.brief_station import brief
from bench.watch.own_seconds import own_seconds
from bench.watch.programmes import RATE_HZ, Programmes, longest_silence_s
from bench.watch.reception import judge
from bench.watch.score import Score, beginning_s, score, table
from bench.watch.sitting import make_sitting
from bench.watch.station_weeks import hear_weeks
from bench.watch.trial import KINDS, make_trial
from bench.watch.weeks_table import STATION_WEEK_S, Line, read_lines
from bench.watch.weeks_table import table as table_of_weeks
from ingest.watch.verdict import Verdict
from tests.dsp.recognise.spoken import speech


@functools.cache
def programmes():
    known = {f"known-{n}": speech(50.0, 40 + n, RATE_HZ) for n in range(2)}
    others = {f"other-{n}": speech(40.0, 50 + n, RATE_HZ) for n in range(2)}
    return Programmes.of(known, others, dict.fromkeys([*known, *others], "one"))


@pytest.mark.parametrize(
    "kind", ["wrong_programme", "out_of_slot", "cut_short", "silence", "silence_otherwise", "none"]
)
def test_a_trial_of_each_kind_is_found_in_time_and_nothing_else(kind):
    trial = make_trial(kind, 0, programmes(), 1)
    verdicts = judge(brief(trial, programmes()), trial, programmes().references)
    found = score(trial, verdicts, programmes())
    assert found.in_time, found
    assert found.false == ()


def test_ten_minutes_of_stations_at_which_nothing_is_wrong_raise_no_alarm():
    heard = list(hear_weeks(programmes(), 600, seed=3, sitting_s=300))
    assert sum(len(one.sitting.seconds) for one in heard) == 600
    assert [one.alarms for one in heard] == [(), ()]
    line = table_of_weeks([Line.of(one, "tuning", 3, 1.0) for one in heard])[-1]
    # Rule of three: below 3 alarms in 600 s.
    assert f"{3 * STATION_WEEK_S / 600:.1f}" in line


def test_results_are_read_again_and_a_line_cut_off_is_left_out(tmp_path):
    kept = Line("tuning", 3, 7, "anything", 600, 1, 12, 2.5, ((41, "captured", "rds gone"),))
    path = tmp_path / "weeks.jsonl"
    path.write_text(json.dumps(asdict(kept)) + "\n" + json.dumps(asdict(kept))[:40])
    assert read_lines(path) == [kept]
    assert read_lines(tmp_path / "none.jsonl") == []
    assert "| 600 | 0.001 | 2.0 % | 1 | 1 |" in table_of_weeks([kept])[-1]


def test_trials_and_sittings_are_those_of_their_seed():
    first, again = (make_trial("capture", 7, programmes(), 1) for _ in range(2))
    assert first == again
    assert first != make_trial("capture", 7, programmes(), 2)
    one, two = (make_sitting(1, programmes(), 5, 120) for _ in range(2))
    np.testing.assert_array_equal(one.sound, two.sound)
    assert one.seconds == two.seconds


def test_a_strangers_carrier_is_not_made_in_brief():
    trial = make_trial("capture", 0, programmes(), 1)
    with pytest.raises(ValueError, match="stranger's carrier"):
        brief(trial, programmes())


def test_own_seconds_are_there_for_every_station():
    assert {(run.rds, run.stereo) for run in own_seconds()} == {
        (rds, stereo) for rds in (True, False) for stereo in (True, False)
    }


def said(second, finding, *, raised=True):
    return Verdict("", "own", second, finding, "", raised=raised)


def test_scores():
    trial = make_trial("capture", 0, programmes(), 1)
    second = int(trial.start_s)
    early, right = said(second - 6, "captured"), said(second + 2, "captured")
    scored = score(trial, [early, right], programmes())
    assert scored.after_s == pytest.approx(second + 3 - trial.start_s)
    assert scored.in_time
    assert scored.false == (early,)
    missed = score(trial, [said(second + 2, "silence")], programmes())
    assert missed.after_s is None
    assert not missed.in_time
    line = table([scored, missed])[-1]
    assert "| 2 | 50.0 % |" in line


def test_silence_begins_where_the_reference_speaks_on():
    trial = make_trial("silence", 0, programmes(), 1)
    assert trial.start_s <= beginning_s(trial, programmes()) < trial.start_s + 1.0
    assert longest_silence_s(np.zeros(RATE_HZ, np.float32)) == pytest.approx(1.0, abs=0.03)


def test_nothing_to_find_is_always_in_time():
    assert Score(make_trial("none", 0, programmes(), 1), None, ()).in_time
    assert set(KINDS) >= {"capture", "intruder", "out_of_slot", "cut_short"}
