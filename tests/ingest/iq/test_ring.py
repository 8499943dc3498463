"""The ring counts what it loses, and the repeat detector sees a buffer that came twice."""

import threading

import numpy as np
import pytest

from ingest.iq.repeats import RepeatDetector
from ingest.iq.ring import BufferRing


def noise(n=4_096, seed=0):
    return np.random.default_rng(seed).integers(0, 256, n, np.uint8).tobytes()


def test_order_and_times_are_kept():
    ring = BufferRing(10_000)
    ring.put(b"ab", 1.0)
    ring.put(b"cd", 2.0)
    assert [(ring.get(0).data, ring.get(0).at_s)] == [(b"ab", 2.0)]


def test_the_newest_is_dropped_and_counted():
    ring = BufferRing(10)
    for _ in range(3):
        ring.put(b"12345", 0.0)
    ring.put(b"123", 0.0)
    assert ring.get(0).lost_bytes == 0
    assert ring.get(0).lost_bytes == 0
    ring.put(b"x" * 6, 1.0)
    assert ring.get(0).lost_bytes == 8
    assert ring.get(0) is None


def test_a_failure_comes_after_what_was_there_before():
    ring = BufferRing(10)
    ring.put(b"1234", 0.0)
    ring.fail(OSError("gone"))
    assert ring.get(0).data == b"1234"
    with pytest.raises(OSError, match="gone"):
        ring.get(0)


def test_close_wakes_who_waits():
    ring = BufferRing(10)
    got = []
    waiter = threading.Thread(target=lambda: got.append(ring.get(60.0)))
    waiter.start()
    ring.close()
    waiter.join(10.0)
    assert got == [None]


def test_a_break_is_told_with_the_next_buffer():
    ring = BufferRing(10)
    ring.put(b"12", 0.0)
    ring.mark_break()
    ring.put(b"34", 0.0)
    assert [ring.get(0).broke, ring.get(0).broke] == [False, True]


def test_buffers_that_come_twice():
    detector = RepeatDetector()
    buffers = [noise(seed=k) for k in range(20)]
    assert [detector.repeated(b) for b in buffers] == [False] * 20
    assert detector.repeated(buffers[5])
    assert not detector.repeated(noise(seed=99))


def test_a_constant_input_is_no_repetition():
    detector = RepeatDetector()
    assert not any(detector.repeated(b"\x80" * 4_096) for _ in range(5))
