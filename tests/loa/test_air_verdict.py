"""What a monitor makes of seconds: whose they are, too strong, a stranger, and the scene's word."""

from pathlib import Path

import pytest

from dsp.fm.profiles import PROFILES
from ingest.scene.scene import parse_scene
from loa.demo.air_verdict import Notice, judge, own_seconds, strangers, too_strong

SCENE = """
[capture]
centre_hz = 61e6
rate_hz = 1_200_000
seconds = 8
[[station]]
id = "a"
frequency_hz = 60.8e6
level_dbfs = -20
profile = "75k50us"
tone_hz = 1000
rds_hz = 2000
pi = "7001"
"""
INTRUDER = """
[[station.fault]]
kind = "intruder"
start_s = 2
end_s = 5
"""
STRONG = """
[[station.fault]]
kind = "over_deviation"
value = 96e3
"""


def second(number, *, cn_db=40.0, pi="7001", peak_hz=70e3):
    return {
        "second": number,
        "cn_db": cn_db,
        "groups": [pi + "0548E0CD2020"] if pi else [],
        "peak_deviation_hz": peak_hz,
        "mpx_power_dbr": -3.0,
        "mpx_window_s": number + 1,
        "pilot_hz": 6_750.0,
        "rds_hz": 2_000.0,
        "loudness_momentary_lufs": -16.0,
        "u": {"peak_deviation_hz": 400.0},
    }


def seconds(pis, **more):
    return [second(k, pi=pi, **more) for k, pi in enumerate(pis)]


def verdict(faults, records, truth=None, pi="7001"):
    (station,) = parse_scene((SCENE + faults).encode(), Path()).stations
    summary = {"pi": pi, "ps": "A  ", "rt": None, "findings": [], "seconds": len(records)}
    truth = truth or [second(k) for k in range(len(records))]
    return judge(station, PROFILES["75k50us"], records, summary, truth)


def test_a_station_in_order_is_good():
    heard = verdict("", seconds(["7001"] * 8))
    assert heard.holds
    assert heard.notices == []
    assert heard.heard["ps"] == "A"


def test_seconds_at_whose_edge_the_carrier_changes_are_nobodys():
    records = seconds([None, "7001", "7001", "7001", None, "7001", "7001", "7001"])
    assert own_seconds(records, "7001") == {2, 6, 7}


@pytest.mark.parametrize(
    ("cn_db", "pis", "found"),
    [
        (15.0, [None, "7001", None, None, "7001"], [(2, 4)]),
        (15.0, ["7001", "7002", "7002", "7002"], [(1, 4)]),
        (14.9, [None] * 4, []),
        (None, [None] * 4, []),
        (30.0, [None, "7001", None, "7001"], []),
    ],
)
def test_a_stranger_is_two_seconds_of_carrier_without_the_pi(cn_db, pis, found):
    told = strangers(seconds(pis, cn_db=cn_db), "7001")
    assert [(notice.start_s, notice.end_s) for notice in told] == found


def test_too_strong_is_over_the_limit_by_more_than_the_uncertainty():
    assert too_strong([second(3, peak_hz=75_300.0)], 75e3) == []
    assert too_strong([second(3, peak_hz=None)], 75e3) == []
    over = [second(3, peak_hz=75_500.0), second(4), second(5, peak_hz=90e3)]
    assert too_strong(over, 75e3) == [Notice("over_deviation", 3, 6)]


def test_the_stranger_of_the_scene_may_be_a_second_off_and_no_more():
    whole = ["7001"] * 2 + [None] * 3 + ["7001"] * 3
    late = ["7001"] * 4 + [None] * 2 + ["7001"] * 2
    assert verdict(INTRUDER, seconds(whole)).holds
    assert verdict(INTRUDER, seconds(late)).wrong == ["the stranger's seconds"]
    assert verdict(INTRUDER, seconds(["7001"] * 8)).wrong == ["the stranger's seconds"]
    assert verdict("", seconds(whole)).wrong == ["the stranger's seconds"]


def test_what_differs_from_the_truth_is_named():
    records = seconds(["7001"] * 8)
    far = [second(k, peak_hz=67.9e3) for k in range(8)]
    assert verdict("", records, truth=far).wrong == ["peak deviation"]
    assert verdict("", records, pi="7002").wrong == ["PI"]
    assert verdict(STRONG, records).wrong == ["over-deviation"]
    strong = seconds(["7001"] * 8, peak_hz=90e3)
    assert verdict(STRONG, strong, truth=strong).holds
    assert verdict("", strong, truth=strong).wrong == ["over-deviation"]


def test_a_station_never_heard_is_said_and_proves_nothing():
    heard = verdict("", seconds([None] * 8, cn_db=None), pi=None)
    assert heard.notices == [Notice("not_heard", 0, 8)]
    assert heard.wrong == ["peak deviation", "PI"]
    assert heard.heard["loudness_lufs"] is None


def test_power_over_a_window_with_another_signal_in_it_is_not_compared():
    truth = [second(k) | {"mpx_window_s": 3} for k in range(8)]
    heard = verdict("", seconds(["7001"] * 8), truth=truth)
    assert heard.heard["mpx_power_dbr"] is None
    assert heard.true["mpx_power_dbr"] == -3.0
