"""How much of a request is worth work: its head, and the start of its body."""

from __future__ import annotations

import re

# A request with a body is worth the work on it once so much of the body is there, or all of it.
FIRST_BYTES = 4_096
LONGEST_HEAD_BYTES = 65_536
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t\r\n]", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect:", re.IGNORECASE)


class FirstBytes:
    """The start of a request, kept until it is worth work; a hint only, h11 reads it all again."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._missing: int | None = None  # of the body; None while the head is not complete
        self._body_at = 0
        self._is_chunked = False

    @property
    def has_head(self) -> bool:
        """Tell whether the head is complete."""
        return self._missing is not None

    def take(self, data: bytes) -> bytes | None:
        """Add `data`; return all that there is once it is enough."""
        looked = max(0, len(self._held) - 3)
        self._held += data
        if self._missing is None:
            self._read_head(looked)
        if self._missing is None:
            return bytes(self._held) if len(self._held) > LONGEST_HEAD_BYTES else None
        if len(self._held) - self._body_at >= self._missing or self._has_last_chunk():
            return bytes(self._held)
        return None

    def _read_head(self, start: int) -> None:
        end = _END_OF_HEAD.search(self._held, start)
        if end is None:
            return
        self._body_at = end.end()
        head = bytes(self._held[: self._body_at])
        length = _LENGTH.search(head)
        self._is_chunked = _CHUNKED.search(head) is not None
        self._missing = 0
        # Who waits for "100 Continue" sends nothing before the application has looked.
        if _EXPECTS.search(head) is None:
            told = int(length[1]) if length else 0
            self._missing = FIRST_BYTES if self._is_chunked else min(told, FIRST_BYTES)

    def _has_last_chunk(self) -> bool:
        """Tell whether a chunked body may be complete; what looks like its end is let through."""
        return self._is_chunked and _END_OF_HEAD.search(self._held, self._body_at) is not None
