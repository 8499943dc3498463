"""What a door has judged, by the digest of the message: everything is said over and over.

Accepted and refused are kept apart, and a few hundred of each: rubbish must not make us forget what
was right.
"""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 512


class Known:
    """Digests of messages that need not be judged again."""

    def __init__(self) -> None:
        self._accepted: dict[bytes, None] = {}
        self._refused: dict[bytes, None] = {}
        self._sessions: dict[str, bytes] = {}

    def __contains__(self, digest: bytes) -> bool:
        """Tell whether a message was judged."""
        return digest in self._accepted or digest in self._refused

    def accept(self, digest: bytes, sessions: Iterable[str] = ()) -> None:
        """Remember what was let in, and which sessions it announced."""
        _remember(self._accepted, digest)
        self._sessions |= dict.fromkeys(sessions, digest)
        kept = self._sessions.items()
        self._sessions = {name: one for name, one in kept if one in self._accepted}

    def refuse(self, digest: bytes) -> None:
        """Remember what was refused."""
        _remember(self._refused, digest)

    def forget_refused(self) -> None:
        """Judge again what was refused: the keys are others."""
        self._refused.clear()

    def forget_session(self, session_id: str) -> None:
        """Judge again what announced a session."""
        self._accepted.pop(self._sessions.pop(session_id, b""), None)


def _remember(known: dict[bytes, None], digest: bytes) -> None:
    while len(known) >= _MOST:
        known.pop(next(iter(known)))
    known[digest] = None
