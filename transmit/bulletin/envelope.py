"""The envelope: a bulletin's content and the signatures over it, from and to JSON.

Reading is strict about what is said (unknown and repeated keys, fractions, other types) and easy
about how it is laid out: signatures cover the canonical form, not the file.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from dsp.errors import Refusal
from dsp.typed_table import TableReader
from transmit.bulletin.canonical import canonical_bytes, strict_json
from transmit.bulletin.content import SCHEMA, Bulletin

MOST_BYTES = 256 << 10
_MOST_SIGNATURES = 4
_SIGNATURE_BYTES = 64
_KEY_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_READER = TableReader("bulletin")


@dataclass(frozen=True)
class Signature:
    """One signature: id of the key, and the 64 bytes of Ed25519 (RFC 8032) as base64.

    `value` is the only base64 of its bytes: of two texts for the same signature one is refused.
    """

    key: str
    value: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a signature."""
        if not _KEY_ID.fullmatch(self.key):
            raise ValueError(f"key: expected 32 hexadecimal digits, got {self.key[:40]!r}")
        try:
            raw = base64.b64decode(self.value, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != _SIGNATURE_BYTES or base64.b64encode(raw).decode() != self.value:
            raise ValueError(f"value: expected 64 bytes as base64, got {self.value[:40]!r}")

    @property
    def raw(self) -> bytes:
        """The 64 bytes."""
        return base64.b64decode(self.value)


@dataclass(frozen=True)
class Envelope:
    """A bulletin with its signatures; whether they are right is for `verify` to say."""

    bulletin: Bulletin
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse two signatures of one key, and a crowd."""
        keys = [signature.key for signature in self.signatures]
        if len(keys) > _MOST_SIGNATURES or len(set(keys)) != len(keys):
            raise ValueError(
                f"signatures: expected at most {_MOST_SIGNATURES}, one a key, got {len(keys)}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON has it."""
        signatures = [{"key": one.key, "value": one.value} for one in self.signatures]
        return self.bulletin.as_dict() | {"signatures": signatures}

    def to_bytes(self) -> bytes:
        """Return the envelope in its canonical form."""
        return canonical_bytes(self.as_dict())


def read_envelope(content: bytes) -> Envelope:
    """Return the envelope in `content`, JSON as UTF-8.

    Raises
    ------
    Refusal
        "bulletin.too_large", "bulletin.json", "bulletin.schema", "bulletin.key",
        "bulletin.value".
    """
    if len(content) > MOST_BYTES:
        raise Refusal(
            "bulletin.too_large",
            expected=f"an envelope of at most {MOST_BYTES} bytes",
            got=f"{len(content)}",
            advice="a shorter text; recordings are named by their digest, not enclosed",
        )
    table = _parse(content)
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        told = table.get("schema") if isinstance(table, dict) else table
        raise Refusal(
            "bulletin.schema",
            expected=f'an object with "schema": "{SCHEMA}"',
            got=repr(told)[:200],
            advice="an envelope as docs/reference/bulletin.md describes it",
        )
    rest = {key: value for key, value in table.items() if key not in ("schema", "signatures")}
    bulletin = _READER.read("the bulletin", rest, Bulletin)
    listed = _READER.list_of("signatures", table.get("signatures", []))
    signatures = tuple(
        _READER.read(f"signatures[{number}]", one, Signature) for number, one in enumerate(listed)
    )
    try:
        return Envelope(bulletin, signatures)
    except ValueError as error:
        raise _READER.bad_value("signatures", "one a key", str(error)) from error


def _parse(content: bytes) -> Any:
    try:
        return strict_json(content)
    except ValueError as error:
        raise Refusal(
            "bulletin.json",
            expected="one JSON object, UTF-8, whole numbers, no key twice",
            got=str(error)[:200] or type(error).__name__,
            advice="mending that place",
        ) from error
