"""SPEAKER.toml: who the loudspeaker is, what it listens to, in which order, and how loud.

id = "ap-3-horn-1"
zone = "ap-3"
sources = ["session:", "bulletin:chime.json"]   # the first that is alive is played
output = "null"                                 # or file:PATH, card:NAME
volume = 0.8
delay_ms = 400                                  # the same in all loudspeakers that speak in step
commune = "tri-ton"
device_key = "horn-1.key"
trusted_keys = ["KEYRING.toml"]
state = "state"
commands = ["0.0.0.0:5010"]
clock = "kernel"

No valid signature, no sound. On a bench, without keys:

sources = ["sdp:bulletin.sdp", "file:chime.wav"]
unsigned = true                                 # plays what nobody has signed
plain_rtp = true                                # and what nobody has authenticated
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import STATIC_TYPES, AudioSession, parse_session
from dsp.typed_table import TableReader, number, text
from transmit.bulletin.verify import Policy

_READER = TableReader("speaker")
_MOST_SOURCES = 8
_OPUS = (96, "opus", 48_000, 2)
_SIGNED = ("session:", "bulletin:")
_UNSIGNED = ("sdp:", "rtp://", "file:")


@dataclass(frozen=True)
class SpeakerSettings:
    """One loudspeaker.

    Attributes
    ----------
    id, zone
        Who it is, and which zone it belongs to.
    sources
        In order of preference: `session:` (announced to `commands`), `session:PATH`,
        `bulletin:PATH` (a signed envelope, its recordings beside it or in `store`), and, unsigned,
        `sdp:PATH`, `rtp://ADDRESS:PORT`, `file:PATH`.
    output
        `null`, `file:PATH` or `card:NAME`.
    volume
        Factor on full scale.
    delay_ms
        From capture at the sender to the loudspeaker.
    plain_rtp
        Plays RTP without SRTP: no valid signature, no sound, unless somebody says so here.
    device_key
        File with this device's private key, as `loa bulletin device` makes it.
    trusted_keys
        Keyrings: whose signatures count, and for what. With them the loudspeaker is provisioned.
    unsigned
        Play sources that nobody signed: for a bench. Without it none is played.
    commune
        With `zone`, what bulletins and sessions must address.
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
    profile
        Volume by time of day: a file, or the name of one that comes with Loa.
    prints
        Tell the fingerprint of what went out, every second.
    level_dba
        Measured at the nearest dwelling with `volume` 1: what limits in dBA are compared with.
    """

    id: str = text(100)
    zone: str = text(100)
    sources: tuple[str, ...] = ()
    output: str = "null"
    volume: float = number(0.0, 1.0, default=1.0)
    delay_ms: float = number(20.0, 5000.0, default=400.0)
    plain_rtp: bool = False
    device_key: str | None = None
    trusted_keys: tuple[str, ...] = ()
    profile: str | None = None
    unsigned: bool = False
    commune: str | None = text(100, default=None)
    state: str | None = None
    commands: tuple[str, ...] = ()
    clock: Literal["kernel", "trusted", "untrusted"] = "kernel"
    store: str | None = None
    exercise: str | None = None
    holders_normal: int = number(1, 4, default=1)
    holders_priority: int = number(1, 4, default=1)
    holders_emergency: int = number(1, 4, default=1)
    listen: str | None = None
    prints: bool = True
    level_dba: float | None = number(30.0, 140.0, default=None)

    def __post_init__(self) -> None:
        """Refuse names, sources and outputs that are none."""
        if not (self.id.strip() and self.zone.strip()):
            raise ValueError("id: expected a name for loudspeaker and zone, got an empty one")
        if not 1 <= len(self.sources) <= _MOST_SOURCES:
            raise ValueError(f"sources: expected 1 to {_MOST_SOURCES}, got {len(self.sources)}")
        for source in self.sources:
            if not source.startswith(_SIGNED + _UNSIGNED):
                raise ValueError(
                    "sources: expected session:, bulletin:, sdp:, rtp:// or file:, "
                    f"got {source[:60]!r}"
                )
        if self.output != "null" and not self.output.startswith(("file:", "card:")):
            raise ValueError(f"output: expected null, file: or card:, got {self.output[:60]!r}")

        self._require_provisioning()

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

    def _require_provisioning(self) -> None:
        """Refuse keys that need others."""
        signed = [source for source in self.sources if source.startswith(_SIGNED)]
        needs = {
            "sources": signed,
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


def load_settings(path: Path) -> SpeakerSettings:
    """Read SPEAKER.toml.

    Raises
    ------
    Refusal
        "speaker.missing", "speaker.toml", "speaker.key", "speaker.value".
    """
    content = _READER.load(path, "a SPEAKER.toml that can be read")
    return _READER.read("SPEAKER.toml", _READER.parse(content), SpeakerSettings)


def session_of(source: str, folder: Path, *, plain_rtp: bool) -> AudioSession:
    """Return the session of a source `sdp:PATH` or `rtp://ADDRESS:PORT[?codec=pcmu]`.

    Raises
    ------
    Refusal
        "speaker.source", and "speaker.unauthenticated" where it carries no key and `plain_rtp` is
        false.
    """
    session = _described(source, folder) if source.startswith("sdp:") else _addressed(source)
    if not session.crypto and not plain_rtp:
        raise Refusal(
            "speaker.unauthenticated",
            expected="a session with an SRTP key",
            got=f"{source[:80]}, which anybody could send",
            advice="loa stream --srtp-key-file, or plain_rtp = true for a closed network",
        )
    return session


def require_signed(source: str, settings: SpeakerSettings) -> None:
    """Refuse a source that nobody signed, unless the configuration says `unsigned = true`.

    Raises
    ------
    Refusal
        "speaker.unsigned".
    """
    if settings.unsigned or not source.startswith(_UNSIGNED):
        return
    signing = "`loa bulletin session` or `loa bulletin sign`"
    if not settings.is_provisioned:
        signing = "trusted_keys (docs/how-to/provision-a-speaker.md)"
    raise Refusal(
        "speaker.unsigned",
        expected="session: or bulletin:, which carry a signature",
        got=source[:80],
        advice=f"{signing}; or unsigned = true, for a bench",
    )


def _described(source: str, folder: Path) -> AudioSession:
    path = folder / source.removeprefix("sdp:")
    try:
        return parse_session(path.read_bytes())
    except OSError as error:
        raise _bad_source(f"{path.name}: {error.strerror}") from error
    except RemoteFormatError as error:
        raise _bad_source(f"{path.name}: {error}") from error


def _addressed(source: str) -> AudioSession:
    try:
        parts = urlsplit(source)
        port, host = parts.port or 0, str(ipaddress.ip_address(parts.hostname or ""))
    except ValueError as error:
        raise _bad_source(source[:80]) from error
    name = parts.query.removeprefix("codec=") or "opus"
    known = {entry[0].lower(): (number, *entry) for number, entry in STATIC_TYPES.items()}
    known["opus"] = _OPUS
    if name.lower() not in known or not 1 <= port <= 65_534:
        raise _bad_source(source[:80])
    payload_type, encoding, clock_hz, channels = known[name.lower()]
    return AudioSession(host, port, payload_type, encoding, clock_hz, channels)


def _bad_source(got: str) -> Refusal:
    return Refusal(
        "speaker.source",
        expected="a session description, or rtp://ADDRESS:PORT?codec=opus",
        got=got,
        advice="the file that loa stream --sdp writes",
    )
