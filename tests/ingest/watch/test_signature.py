"""What is learned of a carrier, and how it is forgotten."""

import pytest

from ingest.watch.signature import LEAST_S, MEMORY_S, Signature
from tests.ingest.watch.seconds import record


def learned(seconds, **changes):
    signature = Signature()
    for second in range(seconds):
        signature.learn(record(second, **changes))
    return signature


def test_it_is_known_after_some_seconds():
    assert not learned(int(LEAST_S) - 1).known
    assert learned(int(LEAST_S)).known
    assert Signature().distance("offset_hz", record(0)) is None


def test_the_figures_own_uncertainty_counts():
    signature = learned(60)
    sure, unsure = ({"offset_hz": 200.0, "u": {"offset_hz": u}} for u in (0.0, 400.0))
    assert abs(signature.distance("offset_hz", record(60, **sure))) > 5.0
    assert abs(signature.distance("offset_hz", record(60, **unsure))) < 1.0


def test_a_missing_figure_is_no_distance_and_teaches_nothing():
    signature = learned(60, offset_hz=None)
    assert signature.distance("offset_hz", record(0)) is None
    assert signature.distance("level_dbfs", record(0, level_dbfs=None)) is None


def test_a_slow_drift_is_followed():
    signature = Signature()
    # A transmitter that warms up: 300 Hz in ten minutes.
    for second in range(600):
        now = record(second, offset_hz=0.5 * second)
        distance = signature.distance("offset_hz", now)
        assert distance is None or abs(distance) < 5.0
        signature.learn(now)


def test_what_was_learned_ages():
    signature = learned(100, level_dbfs=-20.0)
    for second in range(3 * int(MEMORY_S)):
        signature.learn(record(second, level_dbfs=-26.0))
    # A time constant of MEMORY_S: after three of them a twentieth of the old is left.
    assert signature.figures["level_dbfs"].mean == pytest.approx(-26.0, abs=6.0 * 0.06)
    assert abs(signature.distance("level_dbfs", record(0, level_dbfs=-26.0))) < 1.0


def test_what_was_learned_from_few_seconds_is_far_from_nothing():
    off = record(70, level_dbfs=-17.5, offset_hz=160.0)
    few, many = learned(5), learned(60)
    for key in ("level_dbfs", "offset_hz"):
        assert abs(few.distance(key, off)) < 0.8 * abs(many.distance(key, off))
