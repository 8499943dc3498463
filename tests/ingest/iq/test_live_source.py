"""A live source that falls silent: waited for, or ended when its time is up."""

import itertools

import pytest

from dsp.errors import Refusal
from ingest.iq.live_source import STALL_S, LiveSource
from tests.ingest.iq.clocks import HandClock

RATE_HZ = 256_000


class Silent:
    """Stands for the ring of a device that sent `buffers` and no more; waiting moves the clock."""

    def __init__(self, source, clock, buffers=1):
        for _ in range(buffers):
            source.ring.put(bytes(51_200), clock.monotonic_s())
        self._get = source.ring.get
        self._clock = clock
        self._left = buffers

    def __call__(self, timeout_s):
        if self._left:
            self._left -= 1
            return self._get(timeout_s)
        self._clock.advance(timeout_s)
        return None


def silent(monkeypatch, buffers, lasts_s):
    clock = HandClock()
    source = LiveSource(RATE_HZ, 98e6, clock)
    monkeypatch.setattr(source.ring, "get", Silent(source, clock, buffers))
    source.lasts_s = lasts_s
    return source, clock


def test_a_silent_source_ends_when_its_time_is_up(monkeypatch):
    source, clock = silent(monkeypatch, 1, 20.0)
    assert [block.count for block in source.blocks()] == [25_600]
    assert 20.0 <= clock.elapsed_s <= 20.0 + STALL_S
    assert {note["kind"] for note in source.notes()} == {"stall"}


def test_a_source_that_never_said_anything_is_an_error(monkeypatch):
    source, _ = silent(monkeypatch, 0, 5.0)
    with pytest.raises(Refusal, match="none in 6 s") as caught:
        list(source.blocks())
    assert (caught.value.kind, caught.value.exit_code) == ("source.silent", 4)


def test_without_a_limit_it_is_waited_for(monkeypatch):
    source, clock = silent(monkeypatch, 0, None)
    waits = 0

    def on_stall():
        nonlocal waits
        waits += 1
        if waits == 1_000:
            source.close()

    monkeypatch.setattr(source, "on_stall", on_stall)
    assert list(itertools.islice(source.blocks(), 1)) == []
    assert clock.elapsed_s == 1_000 * STALL_S
