"""The register of loudspeakers: whose X25519 key is wrapped for, and where each one listens.

[[device]]
id = "horn-17"
public = "BASE64"            # as `loa bulletin device` prints it
address = "10.0.0.7:5010"    # of its command port, for `loa bulletin send --devices`
revoked = false              # true: stolen, or out of service; no session is wrapped for it
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from dsp.typed_table import TableReader, text

_READER = TableReader("devices", most_bytes=20_000_000)  # a hundred thousand loudspeakers
_PUBLIC_BYTES = 32


@dataclass(frozen=True)
class Device:
    """One loudspeaker."""

    id: str = text(100)
    public: str = text(100)
    address: str | None = text(100, default=None)
    revoked: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no public key."""
        if len(self.raw) != _PUBLIC_BYTES:
            raise ValueError(f"public: expected 32 bytes as base64, got {self.public[:60]!r}")

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public half."""
        try:
            return base64.b64decode(self.public, validate=True)
        except (binascii.Error, ValueError):
            return b""


@dataclass(frozen=True)
class _Register:
    device: tuple[Device, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two devices of one name."""
        names = [one.id for one in self.device]
        if len(set(names)) != len(names):
            raise ValueError("device: expected each id once, got one twice")


def read_devices(path: Path) -> list[Device]:
    """Return the devices in force.

    Raises
    ------
    Refusal
        "devices.missing", "devices.toml", "devices.key", "devices.value".
    """
    content = _READER.load(path, "a DEVICES.toml that can be read")
    found = _READER.read("the devices", _READER.parse(content), _Register)
    return [one for one in found.device if not one.revoked]
