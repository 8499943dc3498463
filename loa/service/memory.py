"""Memory that is given back, in processes that run for months.

glibc gives every thread a heap of its own and keeps in it what was freed, up to a threshold that
it raises to 64 MB by itself: a worker with 17 threads held 35 MB that nobody used, and more every
hour, while what Python held stayed the same. So there are few heaps, and the thresholds are fixed.
Blocks from 128 kB on, of samples above all, are mapped one by one and unmapped when they are freed,
as glibc does until it has seen the first go: in a heap they leave gaps of any size, between which
what is small comes to lie, and the heap never gets shorter again.

Python keeps a table of the names it knows, and `pathlib` puts every part of every path there. With
some 45 000 names of our libraries it doubles once, by 1.9 MB, hours after the start; it is brought
to that size at the start.

What fell into cycles is looked for and given back from time to time, not when so many objects have
come together: that is rarely in a service that does little, and in the middle of a rush in one
that does much.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading

# From <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_HEAPS = 2
_GIVEN_BACK_FROM_BYTES = 1 << 20
_MAPPED_FROM_BYTES = 1 << 17
_TIDIED_EVERY_S = 10.0
# Names that a process may yet come to know for good; and so many that are forgotten at once as
# make the table count what it holds, twice over.
_NAMES_TO_COME, _NAMES_FORGOTTEN = 12_000, 200_000


def keep_heaps_small() -> None:
    """Fix the C allocator's habits; before there are threads. Nothing happens without glibc."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    for option, value in (
        (_ARENA_MAX, _HEAPS),
        (_TRIM_THRESHOLD, _GIVEN_BACK_FROM_BYTES),
        (_MMAP_THRESHOLD, _MAPPED_FROM_BYTES),
    ):
        library.mallopt(option, value)


def settle_names() -> None:
    """Let the table of interned names take the size that it comes to anyway; before any fork.

    A name that is gone leaves its place in the table taken. When no place is free, the names that
    are left are counted, and the table becomes as large as three times as many need.
    """
    to_come = [sys.intern(f"name to come {number}") for number in range(_NAMES_TO_COME)]
    for number in range(_NAMES_FORGOTTEN):
        sys.intern(f"name forgotten {number}")
    del to_come


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
