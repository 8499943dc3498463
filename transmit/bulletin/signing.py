"""Keys and signatures: Ed25519 (RFC 8032) over `Bulletin.to_sign()`.

A key's id is the beginning of the digest of its public half: nobody assigns ids, and two keys never
share one. Private keys stay with their holder, as PKCS #8 PEM; there is no key that nobody made.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from dsp.errors import Refusal
from transmit.bulletin.envelope import Envelope, Signature

if TYPE_CHECKING:
    from transmit.bulletin.content import Bulletin


class SigningKey:
    """The private half of a key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, content: bytes) -> SigningKey:
        """Read a key that `to_pem` wrote; raises Refusal "bulletin.private_key"."""
        try:
            private = load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_key("text that is none") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise _no_key(type(private).__name__)
        return cls(private)

    @property
    def id(self) -> str:
        """Name of the key, in every signature it makes."""
        return key_id(self.public)

    @property
    def public_text(self) -> str:
        """Public half as base64, as a keyring has it."""
        return base64.b64encode(self.public).decode()

    def to_pem(self) -> bytes:
        """Return the private half as PKCS #8 PEM, not encrypted: its file is the secret."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, content: bytes) -> bytes:
        """Return the signature over `content`."""
        return self._private.sign(content)


def key_id(public: bytes) -> str:
    """Return the id of a public key: the first 16 bytes of its SHA-256, hexadecimal."""
    return hashlib.sha256(public).hexdigest()[:32]


def sign(envelope: Bulletin | Envelope, key: SigningKey) -> Envelope:
    """Return the envelope with the signature of `key` added, or made anew."""
    if not isinstance(envelope, Envelope):
        envelope = Envelope(envelope, ())
    others = tuple(one for one in envelope.signatures if one.key != key.id)
    return Envelope(envelope.bulletin, (*others, signature_of(envelope.bulletin.to_sign(), key)))


def is_signed_by(content: bytes, signature: Signature, public: bytes) -> bool:
    """Tell whether `signature` is that of the key `public` over `content`, as `to_sign` gave it."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature.raw, content)
    except InvalidSignature:
        return False
    return True


def signature_of(content: bytes, key: SigningKey) -> Signature:
    """Return the signature of `key` over `content`."""
    return Signature(key.id, base64.b64encode(key.sign(content)).decode())


def _no_key(got: str) -> Refusal:
    return Refusal(
        "bulletin.private_key",
        expected="an Ed25519 private key as PKCS #8 PEM, without a password",
        got=got,
        advice="`loa bulletin key`, which makes one",
    )
