"""What a carrier that comes up says, and what the second opinion turns."""

import pytest

from ingest.watch.signature import Signature
from ingest.watch.stranger_watch import JUST_S, StrangerWatch, back_cues
from tests.ingest.watch.seconds import record, stranger


def watching(pi="7001"):
    signature = Signature()
    watch = StrangerWatch(pi, signature)
    for second in range(20):
        signature.learn(record(second))
        watch.take(record(second), unscheduled=False)
    return watch


@pytest.mark.parametrize(
    ("names", "more"),
    [
        (["rds_gone"], ["idle_channel"]),
        (["pilot_new"], ["idle_channel"]),
        (["rds_gone", "offset_same"], []),
        (["rds_gone", "level_same"], []),
        (["offset_jumped"], []),  # it has cooled
        (["content_other"], []),
        (["offset_same", "content_other", "content_confirmed"], ["idle_other"]),
    ],
)
def test_a_carrier_that_comes_up_is_new_by_what_it_lacks_or_says(names, more):
    assert back_cues(names) == more


def test_an_opinion_counts_for_one_second_and_above_a_late_answer():
    watch = watching()
    watch.take(stranger(20), unscheduled=False)
    watch.hear(["content_other"], 19)
    watch.judge_content(same=True)
    assert "content_own" in watch.take(stranger(21), unscheduled=False).names
    assert not watch.asks
    assert "content_own" not in watch.take(stranger(22), unscheduled=False).names
    assert watch.asks


def test_what_was_due_before_the_carrier_looked_strange_says_nothing_of_it():
    watch = watching()
    watch.take(stranger(20), unscheduled=False)
    watch.hear(["content_own"], 20)
    assert "content_own" not in watch.take(stranger(21), unscheduled=False).names
    watch.hear(["content_own"], 21)
    assert "content_own" in watch.take(stranger(22), unscheduled=False).names


def test_nor_in_the_very_second_in_which_the_carrier_comes():
    watch = watching()
    watch.hear(["content_own"], 20)
    assert "content_own" not in watch.take(stranger(20), unscheduled=False).names
    assert watch.asks


def test_what_is_followed_is_asked_first_unless_the_pi_is_foreign():
    watch = watching()
    for second in (20, 21):
        cues = watch.take(stranger(second), unscheduled=False)
    assert watch.finding(21, cues, followed=False).since == 20
    assert watch.finding(21, cues, followed=True) is None
    cues = watch.take(stranger(22), unscheduled=False)
    assert watch.finding(22, cues, followed=True).finding == "captured"


def louder(second):
    """A second of a stranger that is like the own carrier, only 9 dB stronger and without RDS."""
    return record(second, level_dbfs=-11.0, groups=[], rds_hz=None)


def test_a_bulletin_that_breaks_off_just_when_the_carrier_changes_is_told_at_once():
    watch = watching(pi=None)
    for second in range(20, 23):
        watch.take(record(second, level_dbfs=-11.0), unscheduled=False)
    watch.judge_content(same=False)
    cues = watch.take(record(23, level_dbfs=-11.0), unscheduled=False)
    assert "content_broke_off" in cues.names
    watch.judge_content(same=False)
    cues = watch.take(record(24, level_dbfs=-11.0), unscheduled=False)
    assert watch.finding(24, cues, followed=True).finding == "captured"


@pytest.mark.parametrize(("after_s", "broke"), [(JUST_S - 1, True), (JUST_S, False)])
def test_what_breaks_off_later_is_another_fault(after_s, broke):
    watch = watching()
    for second in range(20, 20 + after_s):
        watch.take(louder(second), unscheduled=False)
    watch.judge_content(same=False)
    cues = watch.take(louder(20 + after_s), unscheduled=False)
    assert ("content_broke_off" in cues.names) is broke


def test_one_opinion_is_of_three_seconds_and_may_be_enough():
    watch = watching()
    for _ in range(4):
        watch.nobody(off_air=True)
    for second in (24, 25, 26):
        # Back on its frequency, without RDS: the pilot and level say nothing.
        cues = watch.take(record(second, groups=[], rds_hz=None), unscheduled=False)
        assert watch.finding(second, cues, followed=True) is None
    watch.judge_content(same=False)
    cues = watch.take(record(27, groups=[], rds_hz=None), unscheduled=False)
    found = watch.finding(27, cues, followed=True)
    assert (found.finding, found.since) == ("stranger_on_idle_channel", 27)


def test_a_gap_ends_every_count():
    watch = watching()
    for second in (20, 21):
        watch.take(stranger(second), unscheduled=False)
    watch.forget()
    cues = watch.take(stranger(23), unscheduled=False)
    assert watch.finding(23, cues, followed=False) is None
    assert watch.suspect_since == 23
