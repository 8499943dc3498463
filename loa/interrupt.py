"""Ctrl-C as a wish, not as a blow: the work ends at the next good moment, with its files complete.

The first SIGINT or SIGTERM is noted and `stopped` turns true; who waits for something slow may be
woken by `on_stop`. A second one interrupts at once, as ever.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Catches the signals that end a command; a context manager."""

    def __init__(self, on_stop: Callable[[], None] | None = None) -> None:
        """Prepare; `on_stop` is called once, from the signal handler."""
        self.stopped = False
        self._on_stop = on_stop
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Catch from now on; only the main thread hears of signals."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        """Let others catch again."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _stop(self, number: int, frame: Any) -> None:
        del number, frame
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        if self._on_stop is not None:
            self._on_stop()
