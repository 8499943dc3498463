"""Which seconds are learned, and when."""

import pytest

from ingest.watch.certain_seconds import CertainSeconds
from ingest.watch.cues import Cues
from ingest.watch.signature import Signature
from tests.ingest.watch.seconds import record

OWN, NOTHING = Cues(("own_pi",), -12.0), Cues((), -3.0)


def taught(pi, cues, *, in_slot=False, odd=(), own=None, until=20):
    signature = Signature()
    lessons = CertainSeconds(pi, signature)
    for second in range(until):
        if second in odd:
            lessons.odd(second)
        else:
            lessons.good(record(second), cues)
        if own is not None and second == own:
            lessons.own(second)
        lessons.learn(second, in_slot=in_slot)
    return int(signature.pilot.count)


@pytest.mark.parametrize(
    ("pi", "cues", "in_slot", "count"),
    [("7001", OWN, False, 16), ("7001", NOTHING, True, 0), (None, NOTHING, True, 16)],
)
def test_what_is_certain_is_learned_four_seconds_late(pi, cues, in_slot, count):
    assert taught(pi, cues, in_slot=in_slot) == count


def test_without_a_pi_what_was_recognised_is_certain():
    assert taught(None, NOTHING) == 0
    assert taught(None, NOTHING, own=9) == 10 - 5  # of 0 … 9 those that still wait at 9


def test_nothing_beside_an_odd_second_is_learned():
    assert taught("7001", OWN, odd=(10,)) == 16 - 5


def test_a_gap_takes_back_what_waits():
    signature = Signature()
    lessons = CertainSeconds("7001", signature)
    for second in range(4):
        lessons.good(record(second), OWN)
    lessons.lost(4)
    for second in range(5, 20):
        lessons.learn(second, in_slot=True)
    assert signature.pilot.count == 0


def test_the_country_code_heard_with_the_own_pi_is_kept():
    signature = Signature()
    lessons = CertainSeconds("7001", signature)
    lessons.good(record(0, groups=["7001100000F20000"]), OWN)
    lessons.learn(4, in_slot=False)
    assert signature.ecc == 0xF2
