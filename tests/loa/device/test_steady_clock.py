"""A wall clock that steps is not heard; one that drifts is followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from loa.device.steady_clock import PROBATION_S, SteadyClock

START = datetime(2026, 11, 24, 5, tzinfo=UTC)


class Wrong:
    """A clock that a test sets."""

    def __init__(self):
        self.now_s = 100.0
        self.wall_s = 0.0

    def monotonic_s(self):
        return self.now_s

    def now_utc(self):
        return START + timedelta(seconds=self.now_s - 100.0 + self.wall_s)


def right(clock):
    return START.timestamp() + clock.now_s - 100.0


def passed(clock, steady, seconds, step=0.02):
    worst = 0.0
    for _ in range(int(seconds / step)):
        clock.now_s += step
        worst = max(worst, abs(steady.utc_s() - right(clock)))
    return worst


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, -1.8e9, 2.0])
def test_a_step_that_goes_again_is_never_heard(step_s):
    clock = Wrong()
    steady = SteadyClock(clock)
    passed(clock, steady, 1)
    clock.wall_s = step_s
    assert passed(clock, steady, PROBATION_S - 1) < 1e-6
    clock.wall_s = 0.0
    assert passed(clock, steady, 10) < 1e-6
    assert steady.steps == 0


def test_a_step_that_stands_is_believed():
    clock = Wrong()
    steady = SteadyClock(clock)
    clock.wall_s = 3600.0
    passed(clock, steady, PROBATION_S + 1)
    assert steady.steps == 1
    assert steady.utc_s() == pytest.approx(right(clock) + 3600, abs=1e-6)


def test_a_clock_that_hops_about_is_never_believed():
    clock = Wrong()
    steady = SteadyClock(clock)
    for hop in range(1, 9):
        clock.wall_s = 100.0 * hop * (-1) ** hop
        assert passed(clock, steady, PROBATION_S / 2) < 1e-6
    assert steady.steps == 0


def test_small_differences_are_followed_at_500_ppm():
    clock = Wrong()
    steady = SteadyClock(clock)
    clock.wall_s = 0.01
    clock.now_s += 10
    assert steady.utc_s() - right(clock) == pytest.approx(0.005, abs=1e-6)
    clock.now_s += 20
    assert steady.utc_s() - right(clock) == pytest.approx(0.01, abs=1e-6)


def test_the_time_of_another_moment():
    clock = Wrong()
    steady = SteadyClock(clock)
    assert steady.at(clock.now_s - 0.5) == pytest.approx(right(clock) - 0.5, abs=1e-6)


class Interrupted(Wrong):
    """A machine that stops between its two clocks, now and then."""

    stops_s = 0.0

    def now_utc(self):
        self.now_s += self.stops_s
        self.stops_s = 0.0
        return super().now_utc()


def test_a_machine_that_stops_between_two_clocks_is_no_clock_that_is_wrong():
    clock = Interrupted()
    clock.stops_s = 0.015
    steady = SteadyClock(clock)
    assert steady.utc_s() == pytest.approx(right(clock), abs=1e-6)
    for _ in range(100):
        clock.now_s += 0.02
        clock.stops_s = 0.015
        assert steady.utc_s() == pytest.approx(right(clock), abs=0.008)  # the stop itself
        assert steady.utc_s() == pytest.approx(right(clock), abs=1e-6)
