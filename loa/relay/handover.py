"""From the thread of a receiver to the relay's own: a few pieces, and an end that cannot be lost.

The end is a state and not a piece: who waits for a piece is woken by it at any time, who waits for
room as well, and it is there for whoever asks later.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Holds up to `room` pieces between two threads.

    Attributes
    ----------
    error
        What the giver ended with, if it was an error.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._pieces: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self.error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Whether the giver has ended and everything was taken."""
        with self._changed:
            return self._ended and not self._pieces

    def give(self, piece: T) -> None:
        """Wait for room and lay a piece there; drop it where nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._pieces) < self._room)
            if not self._closed:
                self._pieces.append(piece)
            self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """Give no more."""
        with self._changed:
            self._ended, self.error = True, error
            self._changed.notify_all()

    def take(self) -> T | None:
        """Return the next piece; None where there is none now."""
        with self._changed:
            return self._taken()

    def wait(self) -> T | None:
        """Return the next piece when it comes; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended or self._closed)
            return self._taken()

    def close(self) -> None:
        """Take no more: nobody waits here any longer."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._changed.notify_all()

    def _taken(self) -> T | None:
        if not self._pieces:
            return None
        self._changed.notify_all()
        return self._pieces.popleft()
