"""Where a carrier should be: drift, scatter, cooling, and what is not known yet."""

import numpy as np
import pytest

from ingest.watch.carrier_frequency import CarrierFrequency
from ingest.watch.student import as_normal


def learned(readings, u_hz=2.0):
    frequency = CarrierFrequency()
    for second, hz in enumerate(readings):
        frequency.learn(second, hz, u_hz)
    return frequency


def test_nothing_is_far_before_anything_was_learned():
    assert CarrierFrequency().distance(0, 9e3, 1.0) is None


@pytest.mark.parametrize("seed", range(4))
def test_a_carrier_that_warms_up_is_followed_from_its_fourth_second_on(seed):
    rng = np.random.default_rng(seed)
    frequency = CarrierFrequency()
    warm_hz = rng.normal(0.0, 150.0)
    for second in range(300):
        reading = 80.0 + warm_hz * np.exp(-second / 40.0) + rng.normal(0.0, 10.0)
        # Told some seconds late, as the watch learns.
        if second >= 10:
            assert abs(frequency.distance(second + 6, reading_at(second + 6, warm_hz), 2.0)) < 4.0
        frequency.learn(second, reading, 2.0)


def reading_at(second, warm_hz):
    return 80.0 + warm_hz * np.exp(-second / 40.0)


def test_a_young_signature_knows_less_than_an_old_one():
    young, old = learned([90.0, 95.0, 85.0, 90.0]), learned([90.0, 95.0, 85.0, 90.0] * 30)
    assert abs(young.distance(10, 190.0, 2.0)) < 4.0 < abs(old.distance(126, 190.0, 2.0))


def test_readings_that_scatter_are_far_later_and_so_are_uncertain_ones():
    quiet, loud = learned([90.0] * 60), learned([20.0, 160.0] * 30)
    assert abs(loud.distance(60, 300.0, 2.0)) < 0.5 * abs(quiet.distance(60, 300.0, 2.0))
    assert abs(quiet.distance(60, 300.0, 400.0)) < 1.5


def test_a_carrier_that_was_off_for_long_may_be_elsewhere():
    frequency = learned([90.0] * 120)
    assert abs(frequency.distance(125, 290.0, 2.0)) > 6.0
    frequency.cooled(4.0)
    assert abs(frequency.distance(125, 290.0, 2.0)) > 5.0
    frequency.cooled(3_600.0)
    assert abs(frequency.distance(125, 290.0, 2.0)) < 2.0


def test_what_is_learned_although_it_jumped_is_where_it_is_now():
    frequency = learned([90.0] * 120)
    for second in range(120, 126):
        frequency.learn(second, 600.0, 2.0)
    assert abs(frequency.distance(126, 600.0, 2.0)) < 2.0


def test_student_is_normal_for_many_and_wider_for_few():
    assert as_normal(2.0, 1e6) == pytest.approx(2.0, rel=1e-4)
    # Tails of Student's law at 8 degrees: P(|t| > 5.04) = 0.001, a normal 3.29.
    assert as_normal(5.04, 8.0) == pytest.approx(3.29, abs=0.02)
    assert as_normal(-5.04, 8.0) == -as_normal(5.04, 8.0)
