"""What a device without a trusted clock asks, and what answers it.

Such a device cannot tell a fresh emergency from one recorded a year ago. It asks: `Challenge`, a
nonce of its own that nobody knew before and that lives for half a minute of its monotonic clock. A
trusted key that may say such a bulletin answers for this device, this nonce and this one bulletin,
and says what time it is: `loa.answer/1`, signed with Ed25519.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal
from dsp.typed_table import TableReader
from transmit.bulletin.canonical import canonical_bytes, strict_json
from transmit.bulletin.content import Bulletin, read_time
from transmit.bulletin.envelope import Envelope, Signature
from transmit.bulletin.keyring import Keyring
from transmit.bulletin.signing import SigningKey, is_signed_by, signature_of
from transmit.bulletin.verify import require_key

ASK_SCHEMA, ANSWER_SCHEMA = "loa.challenge/1", "loa.answer/1"
NONCE_BYTES = 16
LIFE_S = 30.0
_MOST_BYTES = 4_096
_MOST_OPEN = 64
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_READER = TableReader("answer")


@dataclass(frozen=True)
class Challenge:
    """The question whether a bulletin, named by its digest, is meant to be played now."""

    device: str
    nonce: str
    bulletin: str

    def __post_init__(self) -> None:
        """Refuse what asks nothing."""
        _require_hex(self)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"schema": ASK_SCHEMA} | vars(self)).encode()


@dataclass(frozen=True)
class Answer:
    """Yes, and it is `time`; by one trusted key.

    Attributes
    ----------
    device, nonce, bulletin
        Those of the challenge.
    time
        When it was signed, UTC.
    signature
        Over `to_sign`.
    """

    device: str
    nonce: str
    bulletin: str
    time: str
    signature: Signature

    def __post_init__(self) -> None:
        """Refuse what answers no challenge."""
        _require_hex(self)
        read_time("time", self.time)

    def to_sign(self) -> bytes:
        """Return what the signature covers."""
        return _to_sign(self.device, self.nonce, self.bulletin, self.time)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        rest = vars(self) | {"signature": vars(self.signature)}
        return json.dumps({"schema": ANSWER_SCHEMA} | rest).encode()


def bulletin_digest(bulletin: Bulletin) -> str:
    """Return the SHA-256 of what is signed of a bulletin, hexadecimal."""
    return hashlib.sha256(bulletin.to_sign()).hexdigest()


def answer(challenge: Challenge, key: SigningKey, time: str) -> Answer:
    """Answer a challenge; whoever calls this has looked the bulletin up and means it."""
    said = (challenge.device, challenge.nonce, challenge.bulletin, time)
    return Answer(*said, signature_of(_to_sign(*said), key))


def read_answer(content: bytes) -> Answer:
    """Return the answer in JSON text.

    Raises
    ------
    Refusal
        "answer.json", "answer.key", "answer.value".
    """
    return _READER.read("the answer", _table(content, ANSWER_SCHEMA, "answer"), Answer)


def read_challenge(content: bytes) -> Challenge:
    """Return the challenge in JSON text.

    Raises
    ------
    Refusal
        "challenge.json", "answer.key", "answer.value".
    """
    table = _table(content, ASK_SCHEMA, "challenge")
    return _READER.read("the challenge", table, Challenge)


class Challenger:
    """The device's side: which nonces are out, each good once and not for long."""

    def __init__(self, device: str, random_hex: Callable[[int], str] = secrets.token_hex) -> None:
        self._device = device
        self._random_hex = random_hex
        self._open: dict[str, tuple[str, float]] = {}

    def ask(self, envelope: Envelope, monotonic_s: float) -> Challenge:
        """Return a new challenge for an emergency; its nonce was never used before."""
        nonce = self._random_hex(NONCE_BYTES)
        digest = bulletin_digest(envelope.bulletin)
        self._drop(monotonic_s)
        self._open[nonce] = (digest, monotonic_s)
        return Challenge(self._device, nonce, digest)

    def require(
        self, given: Answer, envelope: Envelope, keyring: Keyring, monotonic_s: float
    ) -> None:
        """Refuse an answer that is not one to our own open challenge about `envelope`.

        A nonce that was answered rightly is used up; a wrong answer uses up none, so that a
        stranger cannot spoil the right one that follows.

        Raises
        ------
        Refusal
            "bulletin.nonce", "bulletin.unknown_signer", "bulletin.revoked", "bulletin.signature",
            "bulletin.forbidden".
        """
        self._drop(monotonic_s)
        asked = self._open.get(given.nonce)
        digest = bulletin_digest(envelope.bulletin)
        if (
            asked is None
            or given.device != self._device
            or not digest == asked[0] == given.bulletin
        ):
            raise _refuse(
                "nonce", "an answer to our own fresh challenge", "another", "asking again"
            )
        key = require_key(keyring, given.signature)
        if not is_signed_by(given.to_sign(), given.signature, key.raw):
            raise _refuse("signature", "the signature of this answer", "another", "asking again")
        forbidden = key.forbids(envelope.bulletin)
        if forbidden is not None:
            raise _refuse("forbidden", f"what {key.holder} may say", forbidden, "another key")
        del self._open[given.nonce]

    def _drop(self, monotonic_s: float) -> None:
        alive = [
            (nonce, asked)
            for nonce, asked in self._open.items()
            if monotonic_s - asked[1] <= LIFE_S
        ]
        self._open = dict(alive[-_MOST_OPEN:])


def _require_hex(said: Challenge | Answer) -> None:
    for name, length in (("nonce", 2 * NONCE_BYTES), ("bulletin", 64)):
        value = getattr(said, name)
        if len(value) != length or not _HEX.fullmatch(value):
            raise ValueError(f"{name}: expected {length} hexadecimal digits, got {value[:70]}")


def _table(content: bytes, schema: str, kind: str) -> dict[str, Any]:
    table: Any = None
    if len(content) <= _MOST_BYTES:
        try:
            table = strict_json(content)
        except ValueError:
            table = None
    if not isinstance(table, dict) or table.pop("schema", None) != schema:
        raise Refusal(
            f"{kind}.json",
            expected=f"an object with the schema {schema}",
            got="something else",
            advice="docs/reference/threats-playout.md",
        )
    return table


def _to_sign(device: str, nonce: str, bulletin: str, time: str) -> bytes:
    content = {"device": device, "nonce": nonce, "bulletin": bulletin, "time": time}
    return ANSWER_SCHEMA.encode() + b"\n" + canonical_bytes(content)


def _refuse(kind: str, expected: str, got: str, advice: str) -> Refusal:
    return Refusal(f"bulletin.{kind}", expected=expected, got=got, advice=advice)
