"""Whose keys are trusted, and what each may say: KEYRING.toml.

[[key]]
public = "BASE64"                  # 32 bytes, as `loa bulletin key` prints it
issuer = "province.vinh-long"
holder = "desk-1"                  # a person or a desk; two of them release what needs two
tiers = ["province"]
communes = ["tri-ton", "cang-long"]   # or ["*"]
zones = []
priorities = ["normal", "priority"]
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dsp.typed_table import TableReader
from transmit.bulletin.content import Priority, Tier, read_time
from transmit.bulletin.signing import key_id

EVERYWHERE = "*"
_READER = TableReader("keyring")
_PUBLIC_BYTES = 32


class Statement(Protocol):
    """What is signed, as far as rights and time go: a bulletin, a session."""

    @property
    def issuer(self) -> str:
        """Who says it."""

    @property
    def tier(self) -> Tier:
        """From which tier."""

    @property
    def priority(self) -> Priority:
        """How urgent it is."""

    @property
    def communes(self) -> tuple[str, ...]:
        """Communes it addresses."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones it addresses."""

    @property
    def not_before(self) -> str:
        """First moment at which it holds."""

    @property
    def expires(self) -> str:
        """First moment at which it holds no more."""

    @property
    def not_before_utc(self) -> datetime:
        """The same as a moment."""

    @property
    def expires_utc(self) -> datetime:
        """The same as a moment."""

    def to_sign(self) -> bytes:
        """Return the bytes that a signature covers."""


@dataclass(frozen=True)
class TrustedKey:
    """One key and the limits of its holder.

    Attributes
    ----------
    public
        Public half, base64.
    issuer, holder
        Whose it is.
    tiers, communes, zones, priorities
        What it may say to whom; "*" among `communes` or `zones` is all of them.
    revoked
        The key is trusted for nothing any more; it stays in the file so that it is known.
    not_after
        A bulletin that begins later is not this key's; None for no end.
    """

    public: str
    issuer: str
    holder: str
    tiers: tuple[Tier, ...]
    priorities: tuple[Priority, ...]
    communes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    revoked: bool = False
    not_after: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no public key."""
        try:
            raw = base64.b64decode(self.public, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != _PUBLIC_BYTES:
            raise ValueError(f"public: expected 32 bytes as base64, got {self.public[:60]!r}")
        if not (self.issuer and self.holder):
            raise ValueError("holder: expected issuer and holder, got an empty name")
        if self.not_after is not None:
            read_time("not_after", self.not_after)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public half."""
        return base64.b64decode(self.public)

    @property
    def id(self) -> str:
        """Name of the key in signatures."""
        return key_id(self.raw)

    def forbids(self, bulletin: Statement) -> str | None:
        """Return what of a bulletin or session this key may not say, None where it may say all."""
        late = self.not_after is not None and bulletin.not_before_utc > read_time(
            "not_after", self.not_after
        )
        strange = {
            f"the issuer {bulletin.issuer}": bulletin.issuer != self.issuer,
            f"the tier {bulletin.tier}": bulletin.tier not in self.tiers,
            f"the priority {bulletin.priority}": bulletin.priority not in self.priorities,
            f"a beginning after {self.not_after}": late,
            "those communes": _beyond(bulletin.communes, self.communes),
            "those zones": _beyond(bulletin.zones, self.zones),
        }
        return next((what for what, wrong in strange.items() if wrong), None)


@dataclass(frozen=True)
class Keyring:
    """All keys that are known."""

    key: tuple[TrustedKey, ...] = ()

    def __post_init__(self) -> None:
        """Refuse one key with two sets of rights."""
        ids = [one.id for one in self.key]
        if len(set(ids)) != len(ids):
            raise ValueError("key: expected each key once, got one twice")

    def find(self, name: str) -> TrustedKey | None:
        """Return the key with that id."""
        return next((one for one in self.key if one.id == name), None)


def read_keyring(content: bytes) -> Keyring:
    """Return the keyring in a TOML file.

    Raises
    ------
    Refusal
        "keyring.toml", "keyring.key", "keyring.value".
    """
    return _READER.read("the keyring", _READER.parse(content), Keyring)


def _beyond(asked: tuple[str, ...], allowed: tuple[str, ...]) -> bool:
    return EVERYWHERE not in allowed and not set(asked) <= set(allowed)
