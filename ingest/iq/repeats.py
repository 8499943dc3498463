"""Finds buffers that came twice: a driver that hands out the same memory again.

Two buffers of noise are never equal; equal ones are one buffer and a hole of the same length. A
buffer of one value only (a switched-off or saturated input) says nothing and is let through.
"""

from __future__ import annotations

import zlib
from collections import deque

_REMEMBERED = 32  # more than librtlsdr's ring of 15 buffers


class RepeatDetector:
    """Compares each buffer with those before it."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)

    def repeated(self, buffer: bytes) -> bool:
        """Tell whether `buffer` came before, among the last 32."""
        if len(buffer) < 1_024 or buffer.count(buffer[:1]) == len(buffer):
            return False
        mark = (zlib.crc32(buffer), len(buffer))
        known = mark in self._seen
        if not known:
            self._seen.append(mark)
        return known
