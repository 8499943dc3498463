"""What began together can be one stranger; what began apart cannot."""

from ingest.watch.cues import weighed
from ingest.watch.onsets import FORGOTTEN_S, TOGETHER_S, Onsets


def test_what_begins_together_counts_together():
    onsets = Onsets()
    onsets.weigh(10, ["rds_gone"])
    both = ["rds_gone", "offset_jumped"]
    assert onsets.weigh(10 + TOGETHER_S, both).weight == weighed(both).weight > 0.0


def test_what_begins_later_is_another_thing():
    onsets = Onsets()
    for second in range(10, 40):
        onsets.weigh(second, ["rds_gone"])
    assert onsets.weigh(40, ["rds_gone", "offset_jumped"]).weight <= 0.0
    # A cue that flickers began when it came first.
    assert onsets.weigh(45, ["rds_gone", "offset_jumped"]).weight <= 0.0


def test_a_new_event_counts_whatever_was_before():
    onsets = Onsets()
    for second in range(10, 40):
        onsets.weigh(second, ["pilot_gone"])
    names = ["pilot_gone", "level_rose", "offset_jumped"]
    assert onsets.weigh(40, names).weight == weighed(names[1:]).weight > 0.0


def test_what_was_away_for_long_begins_again():
    onsets = Onsets()
    onsets.weigh(10, ["rds_gone"])
    after = 10 + FORGOTTEN_S + 1
    both = ["rds_gone", "offset_jumped"]
    assert onsets.weigh(after, both).weight == weighed(both).weight


def test_what_comes_up_on_an_idle_channel_comes_as_a_whole():
    onsets = Onsets()
    onsets.weigh(10, ["rds_gone"])
    onsets.forget()
    both = ["rds_gone", "offset_jumped"]
    assert onsets.weigh(17, both).weight == weighed(both).weight


def test_content_and_the_own_pi_count_at_any_time():
    onsets = Onsets()
    for second in range(10, 40):
        onsets.weigh(second, ["offset_jumped"])
    names = ["offset_jumped", "content_other", "content_confirmed"]
    assert onsets.weigh(40, names).weight == weighed(names).weight
    assert onsets.weigh(41, ["own_pi", "offset_jumped"]).weight < 0.0
