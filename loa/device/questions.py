"""A device whose clock nobody vouches for asks whether an emergency is meant now; the questions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal
from transmit.bulletin.challenge import Answer, Challenger, bulletin_digest
from transmit.bulletin.datagrams import datagrams_of
from transmit.bulletin.envelope import Envelope

Address = tuple[Any, ...]
ASK_AGAIN_S = 0.25
_MOST_WAITING = 8


@dataclass
class Asked:
    """An emergency that waits for the answer to our challenge, and the digest of its message."""

    envelope: Envelope
    message: bytes
    asked_s: float


class Questions:
    """What was asked and not answered yet, at most a few.

    Parameters
    ----------
    challenger
        Makes the nonces.
    """

    def __init__(self, challenger: Challenger) -> None:
        self._challenger = challenger
        self._asked: dict[str, Asked] = {}
        self._to_be_sent: list[tuple[bytes, Address]] = []

    def ask(self, envelope: Envelope, content: bytes, sender: Address, monotonic_s: float) -> bool:
        """Ask whether an emergency is meant now; again where an answer was lost; whether it was."""
        digest = bulletin_digest(envelope.bulletin)
        before = self._asked.pop(digest, None)
        due = before is None or monotonic_s - before.asked_s >= ASK_AGAIN_S
        if before is None or due:
            challenge = self._challenger.ask(envelope, monotonic_s)
            self._to_be_sent += [(data, sender) for data in datagrams_of(challenge.to_bytes())]
            before = Asked(envelope, hashlib.sha256(content).digest(), monotonic_s)
        self._asked[digest] = before
        while len(self._asked) > _MOST_WAITING:
            self._asked.pop(next(iter(self._asked)))
        return due

    def asked(self, given: Answer) -> Asked:
        """Return what an answer is about.

        Raises
        ------
        Refusal
            "bulletin.nonce" for what was not asked.
        """
        asked = self._asked.get(given.bulletin)
        if asked is None:
            raise Refusal(
                "bulletin.nonce",
                expected="an answer to our own fresh challenge",
                got="another",
                advice="asking again",
            )
        return asked

    def settled(self, given: Answer) -> None:
        """Forget what was answered rightly."""
        del self._asked[given.bulletin]

    def to_be_sent(self) -> list[tuple[bytes, Address]]:
        """Return the datagrams to be sent now, and to whom; once."""
        ready, self._to_be_sent = self._to_be_sent, []
        return ready
