"""Live audio, signed: `loa.session/1` says who sends, to whom, until when, and under which key.

The session description (SDP) is named by its digest and carries no key. The SRTP key is wrapped for
every device (`key_wrap`); the wraps travel beside the session, one for each device, and need no
signature of their own: what comes out of one must be the key whose digest is signed. A key of 240
random bits is not found from its digest.

What this does not do: everybody in the session has the same key. It tells the group from
strangers, not one member from another (docs/reference/threats-playout.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dsp.errors import Refusal
from dsp.packet.srtp import suite_of
from dsp.typed_table import TableReader
from transmit.bulletin.canonical import MOST_INTEGER, canonical_bytes, strict_json
from transmit.bulletin.content import Priority, Tier, read_time
from transmit.bulletin.envelope import MOST_BYTES, Signature
from transmit.bulletin.key_wrap import PUBLIC_BYTES, DeviceKey, Sender
from transmit.bulletin.signing import SigningKey, signature_of

SCHEMA = "loa.session/1"
MOST_HOURS = 12
_MOST_AREAS, _MOST_SIGNATURES = 500, 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_READER = TableReader("session")


@dataclass(frozen=True)
class Session:
    """What is signed.

    Attributes
    ----------
    id, issuer, tier, priority, communes, zones, not_before, expires
        As of a bulletin; at most `MOST_HOURS` long.
    counter
        Grows with every session of the key.
    sdp_sha256
        Of the session description's bytes.
    key_sha256
        Of the SRTP key (`key_digest`).
    ephemeral
        Public half of the X25519 key that the wraps were made with, base64.
    """

    id: str
    issuer: str
    tier: Tier
    priority: Priority
    not_before: str
    expires: str
    counter: int
    sdp_sha256: str
    key_sha256: str
    ephemeral: str
    communes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name, value in (("id", self.id), ("issuer", self.issuer), *self._areas()):
            if not _NAME.fullmatch(value):
                raise ValueError(
                    f"{name}: expected letters, digits and . _ ~ -, got {value[:60]!r}"
                )
        if not 1 <= len(self._areas()) <= _MOST_AREAS:
            raise ValueError(f"zones: expected 1 to {_MOST_AREAS}, got {len(self._areas())}")
        for name in ("sdp_sha256", "key_sha256"):
            if not _DIGEST.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: expected 64 hexadecimal digits, got something else")
        if len(_bytes_of(self.ephemeral)) != PUBLIC_BYTES:
            raise ValueError(f"ephemeral: expected {PUBLIC_BYTES} bytes as base64, got others")
        if not 1 <= self.counter <= MOST_INTEGER:
            raise ValueError(f"counter: expected 1 to {MOST_INTEGER}, got {self.counter}")
        begins, ends = self.not_before_utc, self.expires_utc
        if not begins < ends <= begins + timedelta(hours=MOST_HOURS):
            raise ValueError(f"expires: expected within {MOST_HOURS} h, got {self.expires}")

    @property
    def not_before_utc(self) -> datetime:
        """First moment at which it may be joined."""
        return read_time("not_before", self.not_before)

    @property
    def expires_utc(self) -> datetime:
        """First moment at which nothing of it may be played any more."""
        return read_time("expires", self.expires)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        lists = {"communes": list(self.communes), "zones": list(self.zones)}
        return {"schema": SCHEMA} | vars(self) | lists

    def to_sign(self) -> bytes:
        """Return what signatures cover."""
        return SCHEMA.encode() + b"\n" + canonical_bytes(self.as_dict())

    def _areas(self) -> list[tuple[str, str]]:
        named = (("communes", self.communes), ("zones", self.zones))
        return [(name, value) for name, values in named for value in values]


@dataclass(frozen=True)
class SignedSession:
    """A session and its signatures."""

    session: Session
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse two signatures of one key, and a crowd."""
        keys = {one.key for one in self.signatures}
        if len(keys) != len(self.signatures) or len(keys) > _MOST_SIGNATURES:
            raise ValueError(f"signatures: expected one a key, got {len(self.signatures)}")

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        signatures = [vars(one) for one in self.signatures]
        return json.dumps(self.session.as_dict() | {"signatures": signatures}).encode()

    def require_description(self, sdp: bytes) -> None:
        """Refuse a session description that is not the one that was signed: "session.sdp"."""
        if hashlib.sha256(sdp).hexdigest() != self.session.sdp_sha256:
            raise _refuse("sdp", "the description that was signed", "another")

    def unwrap(self, wrapped: bytes, device: DeviceKey, device_id: str) -> bytes:
        """Return the SRTP key in a wrap for this device.

        Raises
        ------
        Refusal
            "session.key": a wrap for another device or session, an altered one, or a right wrap
            of a key that was not signed.
        """
        ephemeral = _bytes_of(self.session.ephemeral)
        key = device.unwrap(wrapped, ephemeral, _context(self.session.id, device_id))
        signed = self.session.key_sha256
        if key is None or not hmac.compare_digest(key_digest(key), signed):
            raise _refuse("key", f"the session's key wrapped for {device_id}", "something else")
        return key


def key_digest(key: bytes) -> str:
    """Return the digest by which a session names its SRTP key."""
    return hashlib.sha256(b"loa.session/1 key\n" + key).hexdigest()


def open_session(
    key: bytes, sdp: bytes, devices: dict[str, bytes], **said: Any
) -> tuple[Session, dict[str, bytes]]:
    """Return a session and the key wrapped for every device.

    Parameters
    ----------
    key
        Key and salt of SRTP, 30 bytes, or 28 or 44 of AES-GCM. A new one for every session.
    sdp
        The description; it must not contain the key.
    devices
        Public X25519 halves by id.
    said
        The rest of `Session`.
    """
    suite_of(key)
    if b"inline:" in sdp:
        raise ValueError("sdp: expected a description without a key, got one with a=crypto")
    sender = Sender()
    session = Session(
        sdp_sha256=hashlib.sha256(sdp).hexdigest(),
        key_sha256=key_digest(key),
        ephemeral=base64.b64encode(sender.public).decode(),
        **said,
    )
    wraps = {
        name: sender.wrap(key, public, _context(session.id, name))
        for name, public in devices.items()
    }
    return session, wraps


def sign_session(session: Session | SignedSession, key: SigningKey) -> SignedSession:
    """Return the session with the signature of `key` added, or made anew."""
    if isinstance(session, Session):
        session = SignedSession(session, ())
    others = tuple(one for one in session.signatures if one.key != key.id)
    signature = signature_of(session.session.to_sign(), key)
    return SignedSession(session.session, (*others, signature))


def read_session(content: bytes) -> SignedSession:
    """Return the session in JSON text; whether it is right is for `acceptance` to say.

    Raises
    ------
    Refusal
        "session.json", "session.key", "session.value".
    """
    table: Any = None
    if len(content) <= MOST_BYTES:
        try:
            table = strict_json(content)
        except ValueError:
            table = None
    if not isinstance(table, dict) or table.pop("schema", None) != SCHEMA:
        raise _refuse("json", f"an object with the schema {SCHEMA}", "something else")
    listed = _READER.list_of("signatures", table.pop("signatures", []))
    session = _READER.read("the session", table, Session)
    signatures = tuple(
        _READER.read(f"signatures[{number}]", one, Signature) for number, one in enumerate(listed)
    )
    try:
        return SignedSession(session, signatures)
    except ValueError as error:
        raise _READER.bad_value("signatures", "one a key", str(error)) from error


def _context(session_id: str, device_id: str) -> bytes:
    return f"{SCHEMA}\n{session_id}\n{device_id}".encode()


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _refuse(kind: str, expected: str, got: str) -> Refusal:
    return Refusal(f"session.{kind}", expected=expected, got=got, advice="the session as signed")
