"""Each cue alone, and what they come to together."""

import itertools

import pytest

from ingest.watch.cues import BASE, WEIGHTS, carrier_cues, offset_cues, pi_cues, weighed
from ingest.watch.signature import Signature
from tests.ingest.watch.seconds import record

CHINA = "C00124088D30E0E0"
LAOS_1A = "1001100000F30000"  # group 1A with ECC F3


def learned(**changes):
    signature = Signature()
    for second in range(60):
        signature.learn(record(second, **changes))
    return signature


def cues(pi="7001", **changes):
    return carrier_cues(record(60, **changes), pi, learned())


def test_the_own_carrier_says_so():
    assert cues() == ["own_pi", "offset_same", "level_same"]


@pytest.mark.parametrize(
    ("changes", "cue"),
    [
        ({"groups": [CHINA]}, "other_pi"),
        ({"groups": [CHINA]}, "other_country"),
        ({"groups": [], "rds_hz": None}, "rds_gone"),
        ({"pilot_hz": None}, "pilot_gone"),
        ({"offset_hz": 190.0}, "offset_jumped"),
        ({"offset_hz": 700.0}, "offset_far"),
        ({"level_dbfs": -12.0}, "level_rose"),
        ({"level_dbfs": -28.0}, "level_fell"),
        ({"findings": ["co_channel"]}, "two_carriers"),
        ({"peak_deviation_hz": 20e3}, "deviation_jumped"),
        ({"loudness_momentary_lufs": -6.0}, "loudness_jumped"),
    ],
)
def test_each_cue_alone(changes, cue):
    found = cues(**changes)
    assert cue in found
    assert found.count(cue) == 1


def test_a_pilot_that_never_was_is_new():
    signature = learned(pilot_hz=None)
    assert "pilot_new" in carrier_cues(record(60), "7001", signature)
    assert "pilot_gone" not in carrier_cues(record(60), "7001", signature)


def test_the_extended_country_code_counts_where_the_own_one_is_known():
    signature = learned()
    assert "other_ecc" not in pi_cues(record(0, groups=[LAOS_1A]), "7001", signature)
    signature.ecc = 0xF2
    assert "other_ecc" in pi_cues(record(0, groups=[LAOS_1A]), "7001", signature)


def test_lost_blocks_are_no_foreign_pi():
    assert pi_cues(record(0, groups=["----24088D30E0E0"]), "7001", learned()) == []
    assert pi_cues(record(0, groups=[CHINA]), None, learned()) == []


def test_nothing_is_said_of_a_carrier_not_learned_but_its_rds():
    fresh = Signature()
    assert carrier_cues(record(0, offset_hz=9e3, pilot_hz=None), "7001", fresh) == ["own_pi"]
    assert carrier_cues(record(0, groups=[], rds_hz=None), "7001", fresh) == ["rds_gone"]
    assert carrier_cues(record(0, groups=[], rds_hz=None), None, fresh) == []


def test_a_weak_signal_has_no_missing_rds_or_pilot():
    found = cues(cn_db=15.0, groups=[], rds_hz=None, pilot_hz=None)
    assert not {"rds_gone", "pilot_gone"} & set(found)


@pytest.mark.parametrize(
    ("distance", "names"),
    [
        (None, []),
        (0.0, ["offset_same"]),
        (-1.9, ["offset_same"]),
        (2.5, []),  # a stranger may as well be there
        (3.5, []),
        (-6.0, ["offset_jumped"]),
        (11.0, ["offset_jumped", "offset_far"]),
    ],
)
def test_the_carriers_frequency(distance, names):
    assert offset_cues(distance) == names


# What one fault of the own transmitter makes at once. A foreign PI is the only thing that may do.
ALONE = [
    ["rds_gone", "offset_same"],
    ["offset_jumped", "offset_far"],
    ["pilot_gone", "offset_same"],
    ["rds_gone", "pilot_gone"],
    ["offset_jumped", "offset_far", "deviation_jumped", "loudness_jumped"],
    ["rds_gone", "deviation_jumped", "loudness_jumped"],
    ["two_carriers", "level_fell"],
    ["two_carriers", "rds_gone"],
    ["level_fell", "two_carriers", "rds_gone", "pilot_gone"],
    ["pilot_new", "offset_same"],
    ["level_rose", "offset_same"],
    ["level_fell", "deviation_jumped", "loudness_jumped"],
    ["two_carriers", "offset_same"],
    ["unscheduled", "offset_same"],
    ["content_other", "content_confirmed"],
]


@pytest.mark.parametrize("names", ALONE, ids=" ".join)
def test_no_cue_raises_an_alarm_alone(names):
    assert weighed(names).weight <= 0.0


@pytest.mark.parametrize(
    "names",
    [
        ["other_pi"],
        ["rds_gone", "offset_jumped", "offset_far"],
        ["rds_gone", "pilot_new"],
        ["level_rose", "two_carriers"],
        ["pilot_new", "offset_jumped"],
        ["rds_gone", "idle_channel", "unscheduled"],
        ["offset_jumped", "content_other", "content_confirmed"],
    ],
    ids=" ".join,
)
def test_together_they_do(names):
    assert weighed(names).weight > 0.0


def test_an_own_group_outweighs_any_two_cues():
    against = [name for name, weight in WEIGHTS.items() if weight > 0.0 and "other_" not in name]
    for pair in itertools.combinations(against, 2):
        assert weighed(["own_pi", *pair]).weight < 0.0


def test_the_sum_is_that_of_the_weights():
    names = ["pilot_new", "offset_same"]
    assert weighed(names).weight == WEIGHTS["pilot_new"] + WEIGHTS["offset_same"] - BASE
    assert weighed(names).names == ("pilot_new", "offset_same")


def test_what_one_cause_makes_counts_once_and_a_programmes_loudness_only_beside_more():
    assert weighed(["rds_gone", "pilot_gone"]).weight == weighed(["rds_gone"]).weight == 0.0
    two = weighed(["level_rose", "two_carriers"]).weight
    support = ["deviation_jumped", "loudness_jumped"]
    assert weighed(["level_rose", "two_carriers", *support]).weight == pytest.approx(two + 0.5)
