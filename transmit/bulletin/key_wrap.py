"""A session key for one device: X25519 (RFC 7748), HKDF-SHA256 (RFC 5869), AES-256-GCM.

The sender makes a new key pair for each session, so every wrapping key is used once, and GCM's
nonce can stand still: there is one message under it. Both public halves go into the derivation.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PUBLIC_BYTES = 32
_NONCE = bytes(12)
_MOST_WRAPPED_BYTES = 256


class Sender:
    """The sender's side, for one session."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()

    def wrap(self, key: bytes, device_public: bytes, context: bytes) -> bytes:
        """Return `key` for the device with that public half; `context` names session and device.

        Raises
        ------
        ValueError
            A public half that is none, or that gives everybody the same secret.
        """
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(device_public))
        sealed = _cipher(shared, self.public, device_public, context)
        return sealed.encrypt(_NONCE, key, context)


class DeviceKey:
    """The device's side: made at provisioning, never leaves the device."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> DeviceKey:
        """Make a new key."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, private: bytes) -> DeviceKey:
        """Return the key with these 32 private bytes; raises ValueError for another length."""
        return cls(X25519PrivateKey.from_private_bytes(private))

    def to_bytes(self) -> bytes:
        """Return the private half: its file is the secret."""
        return self._private.private_bytes_raw()

    def unwrap(self, wrapped: bytes, sender_public: bytes, context: bytes) -> bytes | None:
        """Return the key, or None where `wrapped` was not made for this device and context."""
        if len(wrapped) > _MOST_WRAPPED_BYTES:
            return None
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(sender_public))
            sealed = _cipher(shared, sender_public, self.public, context)
            return sealed.decrypt(_NONCE, wrapped, context)
        except (InvalidTag, ValueError):
            return None


def _cipher(shared: bytes, sender: bytes, device: bytes, context: bytes) -> AESGCM:
    info = b"loa wrap 1" + sender + device + context
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=info).derive(shared))
