"""Which input is relayed, and when it is left."""

import numpy as np

from loa.relay.chooser import Chooser
from loa.relay.inputs import Input

COUNT = 960


class Scripted(Input):
    """An input whose liveliness the test sets; its samples are its own number."""

    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.alive = False
        self.rendered = 0

    def is_alive(self, _moment_s):
        return self.alive

    def render(self, count, _moment_s):
        self.rendered += 1
        return np.full(count, self.value if self.alive else 0.0, np.float32)


def make(leave_after_s=0.1):
    inputs = [Scripted("sdp:a", 0.1), Scripted("rtl://", 0.2), Scripted("file:b", 0.3)]
    inputs[1].runs_on = True
    return Chooser(inputs, leave_after_s), inputs


def names(chooser, blocks):
    found = [chooser.process(COUNT, 0.0) for _ in range(blocks)]
    return [None if one.source is None else one.source.name for one in found]


def test_nobody_is_silence():
    chooser, _ = make()
    chosen = chooser.process(COUNT, 0.0)
    assert (chosen.source, chosen.alive) == (None, False)
    assert not chosen.samples.any()


def test_the_first_that_is_alive_is_relayed_and_a_better_one_at_once():
    chooser, (first, second, third) = make()
    third.alive = True
    assert names(chooser, 2) == ["file:b"] * 2
    second.alive = True
    assert names(chooser, 1) == ["rtl://"]
    first.alive = True
    assert names(chooser, 1) == ["sdp:a"]
    assert chooser.turns == 3


def test_a_pause_is_waited_out_in_silence_and_then_left():
    chooser, (_, second, third) = make(leave_after_s=0.1)
    second.alive = third.alive = True
    names(chooser, 3)
    second.alive = False
    waited = [chooser.process(COUNT, 0.0) for _ in range(4)]
    assert {one.source.name for one in waited} == {"rtl://"}
    assert not any(one.alive for one in waited)
    assert not np.concatenate([one.samples for one in waited]).any()
    second.alive = True  # back within the time: it was never left
    assert names(chooser, 1) == ["rtl://"]
    second.alive = False
    assert names(chooser, 6)[-1] == "file:b"


def test_a_turn_is_cross_faded():
    chooser, (first, _, third) = make()
    third.alive = True
    names(chooser, 3)
    first.alive = True
    samples = chooser.process(COUNT, 0.0).samples
    assert np.abs(np.diff(np.concatenate([[0.3], samples]))).max() < 0.001
    assert samples[-1] == np.float32(0.1)


def test_live_inputs_are_drained_while_another_is_relayed():
    chooser, (first, second, third) = make()
    first.alive = second.alive = True
    names(chooser, 10)
    assert second.rendered == 10
    assert third.rendered == 0
    # Nor is it read twice in the block in which it is left.
    first.alive = False
    names(chooser, 10)
    first.alive = True
    names(chooser, 1)
    assert second.rendered == 21


def test_what_is_urgent_goes_first_and_is_left_at_once_when_it_cannot_pause():
    chooser, (first, second, third) = make(leave_after_s=5.0)
    first.alive = third.alive = third.urgent = True
    third.may_pause = False
    assert names(chooser, 2) == ["file:b"] * 2
    second.alive = second.urgent = True
    assert names(chooser, 1) == ["rtl://"]
    second.alive = second.urgent = False
    assert names(chooser, 1) == ["file:b"]
    third.alive = third.urgent = False
    assert names(chooser, 1) == ["sdp:a"]
