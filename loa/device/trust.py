"""Whom a device trusts and how it is spoken to: the same keys in SPEAKER.toml and RELAY.toml.

commune = "tri-ton"
device_key = "horn-1.key"
trusted_keys = ["KEYRING.toml"]
state = "state"
commands = ["0.0.0.0:5010"]
clock = "kernel"
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dsp.typed_table import number, text
from transmit.bulletin.verify import Policy

SIGNED = ("session:", "bulletin:")
"""How sources begin that carry a signature."""


@dataclass(frozen=True, kw_only=True)
class TrustSettings:
    """What is the same in every device that speaks.

    Attributes
    ----------
    commune
        With its zones, what bulletins and sessions must address.
    device_key
        File with this device's private key, as `loa bulletin device` makes it.
    trusted_keys
        Keyrings: whose signatures count, and for what. With them the device is provisioned.
    state
        Folder of what must outlive a power cut.
    commands
        ADDRESS:PORT where signed bulletins and sessions are listened for, groups among them.
    clock
        Who vouches for the clock: the `kernel`, as NTP leads it; `trusted`, somebody else;
        `untrusted`, nobody.
    store
        Folder of recordings sent ahead, named by their SHA-256.
    exercise
        Signed envelope of what is said ahead of every test; without it tests are refused.
    holders_normal, holders_priority, holders_emergency
        So many different holders must have signed; 2 is release by two persons.
    listen
        Address of this machine at which unicast sessions are received.
    """

    commune: str | None = text(100, default=None)
    device_key: str | None = None
    trusted_keys: tuple[str, ...] = ()
    state: str | None = None
    commands: tuple[str, ...] = ()
    clock: Literal["kernel", "trusted", "untrusted"] = "kernel"
    store: str | None = None
    exercise: str | None = None
    holders_normal: int = number(1, 4, default=1)
    holders_priority: int = number(1, 4, default=1)
    holders_emergency: int = number(1, 4, default=1)
    listen: str | None = None

    @property
    def is_provisioned(self) -> bool:
        """Whether it knows whom to trust."""
        return bool(self.trusted_keys)

    @property
    def policy(self) -> Policy:
        """How many holders sign what."""
        return Policy(self.holders_normal, self.holders_priority, self.holders_emergency)

    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where commands are listened for."""
        return tuple(address_of(text) for text in self.commands)

    def require_provisioning(self, sources: Sequence[str]) -> None:
        """Raise ValueError for keys that need others, and signed sources that need keys."""
        needs = {
            "a signed source": [source for source in sources if source.startswith(SIGNED)],
            "commands": self.commands,
            "device_key": self.device_key,
            "exercise": self.exercise,
        }
        asking = next((name for name, value in needs.items() if value), None)
        if asking is not None and not self.is_provisioned:
            raise ValueError(
                f"trusted_keys: expected a keyring, since {asking} needs one, got none"
            )
        if self.is_provisioned and not (self.commune and self.state):
            raise ValueError("commune: expected commune and state beside trusted_keys, got none")
        self.addresses()
        if self.listen is not None:
            ipaddress.ip_address(self.listen)


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of ADDRESS:PORT; raises ValueError for anything else."""
    host, _, port = text.rpartition(":")
    host = str(ipaddress.ip_address(host.strip("[]")))
    if not (port.isdecimal() and 1 <= int(port) <= 65_535):
        raise ValueError(f"commands: expected ADDRESS:PORT, got {text[:60]!r}")
    return host, int(port)
