"""Waiting by a clock, until stopped."""

from __future__ import annotations

import threading

from ingest.clock import Clock

_LONGEST_WAIT_S = 0.5


class RealTime:
    """Lets a server wait by a clock, and be stopped while it waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_s: float | None = None
        self._stopped = threading.Event()

    def wait_until(self, elapsed_s: float) -> bool:
        """Return when so much time has passed since the first call; False once stopped."""
        now_s = self._clock.monotonic_s()
        if self._begun_s is None:
            self._begun_s = now_s - elapsed_s
        while (left_s := self._begun_s + elapsed_s - self._clock.monotonic_s()) > 0.0:
            if self._stopped.wait(min(left_s, _LONGEST_WAIT_S)):
                return False
        return not self._stopped.is_set()

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment."""
        return self._clock.monotonic_s()

    def stop(self) -> None:
        """End every wait."""
        self._stopped.set()
