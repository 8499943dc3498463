from datetime import UTC, datetime, timedelta, timezone

import pytest

from ingest.clock import Clock, SystemClock, rfc3339


def test_times_are_written_in_utc():
    hanoi = timezone(timedelta(hours=7))
    moment = datetime(2026, 11, 23, 5, 0, 0, 250_000, tzinfo=hanoi)
    assert rfc3339(moment) == "2026-11-22T22:00:00.250Z"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="moment: expected a time with a zone"):
        rfc3339(datetime(2026, 11, 23))  # noqa: DTZ001 - that is the point


def test_the_clock_of_this_machine():
    clock: Clock = SystemClock()
    first = clock.monotonic_s()
    assert clock.now_utc().tzinfo is UTC
    assert clock.monotonic_s() >= first
