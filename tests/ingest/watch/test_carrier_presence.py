import pytest

from ingest.watch.carrier_presence import FELL_DB, CarrierPresence
from ingest.watch.cues import CARRIER_CN_DB
from tests.ingest.watch.seconds import record

GOOD, WEAK, IDLE = (35.0, -20.0), (CARRIER_CN_DB - 1.6, -40.0), (6.9, -50.4)


def told(*seconds):
    """Whether the carrier is off after each of ((C/N, level), finding …)."""
    presence = CarrierPresence()
    made = [
        record(n, cn_db=cn_db, level_dbfs=level_dbfs, findings=list(findings))
        for n, ((cn_db, level_dbfs), *findings) in enumerate(seconds)
    ]
    return [presence.is_off(one) for one in made]


def test_the_envelope_of_noise_is_no_carrier_whatever_came_before():
    nothing = (None, None)
    assert told((GOOD,), (GOOD, "off_air"), (nothing, "off_air")) == [False, True, True]


def test_noise_at_a_low_cn_is_no_carrier():
    assert told((IDLE, "hiss")) == [True]
    assert told((GOOD,), (IDLE, "hiss")) == [False, True]
    assert told((WEAK,), (IDLE, "hiss")) == [False, True]


@pytest.mark.parametrize("finding", ["hiss", "silence"])
def test_a_good_carrier_that_says_nothing_is_there(finding):
    assert told((GOOD,), ((CARRIER_CN_DB, -40.0), finding)) == [False, False]


def test_a_weak_carrier_that_pauses_is_there():
    assert not any(told((WEAK,), *[((WEAK[0] - 1.0, WEAK[1] - 1.0), "hiss")] * 20))


def test_one_that_was_never_heard_to_carry_anything_is_not():
    assert told((WEAK, "hiss")) == [True]


def test_once_it_has_fallen_it_is_off_until_it_says_something():
    fallen = WEAK[0] - 3.0, WEAK[1] - FELL_DB - 0.1
    seconds = [(WEAK,), (fallen, "hiss"), (WEAK, "hiss"), (WEAK,), (WEAK, "hiss")]
    assert told(*seconds) == [False, True, True, False, False]


def test_a_bare_carrier_below_its_own_noise_is_there():
    assert told((IDLE, "hiss", "no_audio")) == [False]


def test_the_second_in_which_it_is_switched_off_does_not_lower_what_is_kept():
    """A tenth of a second of carrier, the rest noise."""
    assert told((WEAK,), ((5.2, -48.0),), (IDLE, "hiss"))[2] is True
