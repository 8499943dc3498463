"""Memory that is given back, in processes that run for months.

glibc gives every thread a heap of its own and keeps in it what was freed, up to a threshold that
it raises to 64 MB by itself: a worker with 17 threads held 35 MB that nobody used, and more every
hour, while what Python held stayed the same. So there are few heaps, and the thresholds are fixed.
What fell into cycles is looked for and given back from time to time, not when so many objects have
come together: that is rarely in a service that does little, and in the middle of a rush in one
that does much.
"""

from __future__ import annotations

import ctypes
import gc
import threading

# From <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_HEAPS = 2
_GIVEN_BACK_FROM_BYTES = 1 << 20
_TIDIED_EVERY_S = 10.0


def keep_heaps_small() -> None:
    """Fix the C allocator's habits; before there are threads. Nothing happens without glibc."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    for option, value in (
        (_ARENA_MAX, _HEAPS),
        (_TRIM_THRESHOLD, _GIVEN_BACK_FROM_BYTES),
        (_MMAP_THRESHOLD, _GIVEN_BACK_FROM_BYTES),
    ):
        library.mallopt(option, value)


def give_back() -> None:
    """Free what is in cycles, and hand the heaps' free pages to the system."""
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


class Tidying:
    """Gives memory back now and then, from a thread of its own."""

    def __init__(self, every_s: float = _TIDIED_EVERY_S) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            give_back()
