"""Samples against the clock: a loss is found within a second; jitter, stalls and drift are none."""

import random

import pytest

from ingest.iq.arrivals import ArrivalClock

RATE_HZ = 2_400_000
BUFFER = 65_536


def follow(clock, *, seconds, ppm=0.0, lost_at_s=None, lost=BUFFER, seed=1, jitter_s=0.002):
    """Feed a clock as a busy machine would; return [(time, missing)] and when the loss happened.

    Arrivals are late by an exponential jitter; two in a thousand are held up by up to 0.4 s, with
    a backlog behind them.
    """
    rng = random.Random(seed)
    true_rate_hz = RATE_HZ * (1 + 1e-6 * ppm)
    taken, now_s, found, happened_s = 0, 0.0, [], None
    while taken / true_rate_hz < seconds:
        taken += BUFFER
        if lost_at_s is not None and happened_s is None and taken / true_rate_hz > lost_at_s:
            happened_s = taken / true_rate_hz
            taken += lost
        now_s = max(now_s, taken / true_rate_hz + rng.expovariate(1 / jitter_s))
        if rng.random() < 0.002:
            now_s += rng.uniform(0.0, 0.4)
        missing = clock.arrived(BUFFER, now_s)
        if missing:
            found.append((now_s, missing))
    return found, happened_s


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ppm", [-80.0, 0.0, 60.0])
def test_jitter_stalls_and_drift_are_no_gap(seed, ppm):
    clock = ArrivalClock(RATE_HZ, BUFFER)
    found, _ = follow(clock, seconds=1_200, ppm=ppm, seed=seed)
    assert found == []
    assert clock.ppm == pytest.approx(ppm, abs=2.0)


@pytest.mark.parametrize("lost", [BUFFER, 5 * BUFFER])
@pytest.mark.parametrize("ppm", [-80.0, 60.0])
@pytest.mark.parametrize("seed", range(4))
def test_lost_buffers_are_found_within_a_second_and_counted(lost, ppm, seed):
    clock = ArrivalClock(RATE_HZ, BUFFER)
    found, happened_s = follow(
        clock, seconds=120, ppm=ppm, lost_at_s=60, lost=lost, seed=seed, jitter_s=0.001
    )
    # Where a stall stands right before the hole it is found in two steps.
    assert sum(missing for _, missing in found) == pytest.approx(lost, abs=0.001 * RATE_HZ)
    # From the arrival of the first buffer behind the hole on.
    assert found[0][0] - happened_s - lost / RATE_HZ < 1.0
    assert found[-1][0] - happened_s - lost / RATE_HZ < 1.3


def test_a_loss_of_any_length_is_measured():
    clock = ArrivalClock(RATE_HZ)
    found, _ = follow(clock, seconds=60, lost_at_s=30, lost=100_000)
    [(_, missing)] = found
    assert missing == pytest.approx(100_000, abs=0.002 * RATE_HZ)


def test_what_a_driver_counted_itself_is_not_counted_twice():
    clock = ArrivalClock(RATE_HZ, BUFFER)
    now_s, total = 0.0, 0
    for number in range(200):
        now_s += BUFFER / RATE_HZ
        known = 0
        if number == 100:
            known = 3 * BUFFER
            now_s += known / RATE_HZ
        total += clock.arrived(BUFFER, now_s, known)
    assert total == 3 * BUFFER


def test_a_break_is_measured_at_once():
    clock = ArrivalClock(RATE_HZ)
    now_s = 0.0
    for _ in range(50):
        now_s += BUFFER / RATE_HZ
        assert clock.arrived(BUFFER, now_s) == 0
    clock.broke()
    now_s += 10.0 + BUFFER / RATE_HZ
    assert clock.arrived(BUFFER, now_s) == 10 * RATE_HZ
    now_s += BUFFER / RATE_HZ
    assert clock.arrived(BUFFER, now_s) == 0


def test_time_follows_the_sample_clock():
    clock = ArrivalClock(RATE_HZ)
    follow(clock, seconds=600, ppm=100.0, jitter_s=1e-4)
    # After ten minutes 100 ppm are 60 ms.
    index = 600 * RATE_HZ
    elapsed_s = clock.time_s(index) - clock.time_s(0)
    assert clock.ppm == pytest.approx(100.0, abs=1.0)
    assert elapsed_s == pytest.approx(600.0, abs=1e-6)


def test_a_backlog_that_is_itself_held_up_is_no_gap():
    clock = ArrivalClock(RATE_HZ)
    length_s = BUFFER / RATE_HZ
    found = []
    for number in range(1, 301):
        made_s = number * length_s
        # Held up until 3.65 s; a part of the backlog comes, the rest only at 4.25 s.
        if 3.0 < made_s < 3.3:
            made_s = 3.65
        elif 3.3 <= made_s < 4.25:
            made_s = 4.25
        found.append(clock.arrived(BUFFER, made_s))
    assert not any(found)
