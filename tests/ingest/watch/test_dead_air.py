import pytest

from ingest.watch.dead_air import BARE_HZ, Dead, DeadAir, Quiet
from tests.ingest.watch.seconds import record


def counted(seconds, **known):
    dead = DeadAir()
    for findings, peak_hz in seconds:
        made = record(0, findings=findings, peak_deviation_hz=peak_hz)
        settings = {"off_air": "off_air" in findings, "speaking": None} | known
        dead.take(made, **settings)
    return dead.found(wanted=True, expected=False)


def same(findings, count, peak_hz=None):
    return [(findings, peak_hz)] * count


def test_nothing_is_missing_at_first():
    assert counted([]) is None


@pytest.mark.parametrize(
    ("findings", "after_s", "finding"),
    [(["off_air"], 3, "off_air"), (["hiss"], 2, "hiss"), (["silence"], 9, "silence")],
)
def test_each_is_told_after_its_seconds(findings, after_s, finding):
    assert counted(same(findings, after_s - 1)) is None
    assert counted(same(findings, after_s)) == Dead(
        finding, counted(same(findings, 99)).detail, after_s, after_s
    )


def test_silence_is_told_after_two_seconds_in_which_the_reference_speaks():
    assert counted(same(["silence"], 2), speaking=True).detail == "the reference speaks"


def test_silence_where_the_reference_is_silent_is_told_within_ten_seconds_and_cuts_nothing_short():
    assert counted(same(["silence"], 8), speaking=False) is None
    assert counted(same(["silence"], 9), speaking=False) == Dead(
        "silence", "silence in a slot", 9, 0
    )


def test_pauses_of_the_reference_do_not_start_the_count_anew():
    dead = DeadAir()
    for speaking in (True, False, True):
        dead.take(record(0, findings=["silence"]), off_air=False, speaking=speaking)
    assert dead.found(wanted=True, expected=True) == Dead("silence", "the reference speaks", 3, 2)


def test_sound_in_between_does():
    dead = DeadAir()
    for findings in (["silence"], [], ["silence"]):
        dead.take(record(0, findings=findings), off_air=False, speaking=True)
    assert dead.found(wanted=True, expected=True) is None


def test_a_bare_carrier_hisses_and_is_silent():
    assert counted(same(["hiss"], 9, BARE_HZ - 1)).finding == "silence"
    assert counted(same(["hiss"], 9, BARE_HZ + 1)).finding == "hiss"


def test_no_audio_and_hiss_that_take_turns_are_silence():
    turns = [(["hiss", "no_audio"], None), (["hiss"], None), (["hiss"], None)] * 3
    assert counted(turns).finding == "silence"


@pytest.mark.parametrize(
    ("quiet", "told"),
    [(Quiet(2.1, 1.3), True), (Quiet(1.9, 1.9), False), (Quiet(3.0, 0.7), False), (None, False)],
)
def test_quiet_tells_silence_within_a_second(quiet, told):
    assert (counted(same(["silence"], 1), quiet=quiet) is not None) == told


def test_no_carrier_is_no_silence():
    assert counted(same(["off_air"], 20)).finding == "off_air"


def test_outside_a_slot_only_what_is_expected_is_missed():
    dead = DeadAir()
    for _ in range(20):
        dead.take(record(0, findings=["off_air"]), off_air=True, speaking=None)
    assert dead.found(wanted=False, expected=False) is None
    assert dead.found(wanted=False, expected=True).finding == "off_air"


def test_a_gap_ends_all_counts():
    dead = DeadAir()
    for _ in range(20):
        dead.take(record(0, findings=["silence"]), off_air=False, speaking=True)
    dead.forget()
    assert dead.found(wanted=True, expected=True) is None


def test_a_weak_carrier_that_hisses_is_silent():
    """Its own noise is as loud as a programme's deviation as soon as it says nothing."""
    assert counted(same(["hiss"], 9, BARE_HZ + 1), weak=True).finding == "silence"
