"""From the thread that reads a device to the one that works: bounded, and losses are counted.

The reader never waits: USB would lose samples without telling. Where the ring is full the newest
buffer is dropped, and the next one that finds room says how many bytes are missing before it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Arrival:
    """A buffer with the moment it came; `lost_bytes` were dropped right before it.

    `broke` says that the stream began anew with this buffer: what is missing, only the clock knows.
    """

    data: bytes
    at_s: float
    lost_bytes: int = 0
    broke: bool = False


class BufferRing:
    """At most `most_bytes` on their way."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._arrivals: deque[Arrival] = deque()
        self._held = 0
        self._lost = 0
        self._broke = False
        self._failure: Exception | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, data: bytes, at_s: float) -> None:
        """Add a buffer, or count it as lost; never waits."""
        with self._changed:
            if self._held + len(data) > self.most_bytes:
                self._lost += len(data)
                return
            self._arrivals.append(Arrival(data, at_s, self._lost, self._broke))
            self._held += len(data)
            self._lost, self._broke = 0, False
            self._changed.notify()

    def mark_break(self) -> None:
        """Say that the next buffer begins a new stream."""
        with self._changed:
            self._broke = True

    def fail(self, error: Exception) -> None:
        """End the stream, after what is in the ring, with `error`."""
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def close(self) -> None:
        """End the stream at once, for both sides."""
        with self._changed:
            self._closed = True
            self._arrivals.clear()
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Arrival | None:
        """Return the oldest buffer; None after `timeout_s` without any, or when closed.

        Raises
        ------
        Exception
            What `fail` was given, once everything before it has been taken.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._arrivals or self._closed or self._failure, timeout_s
            )
            if self._arrivals:
                arrival = self._arrivals.popleft()
                self._held -= len(arrival.data)
                return arrival
            if self._failure is not None and not self._closed:
                raise self._failure
            return None
