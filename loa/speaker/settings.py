"""SPEAKER.toml: who the loudspeaker is, what it listens to, in which order, and how loud.

id = "ap-3-horn-1"
zone = "ap-3"
sources = ["sdp:bulletin.sdp", "file:chime.wav"]   # the first that is alive is played
output = "null"                                    # or file:PATH, card:NAME
volume = 0.8
delay_ms = 400                                     # the same in all loudspeakers that speak in step
plain_rtp = false                                  # true plays what nobody has authenticated
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import STATIC_TYPES, AudioSession, parse_session
from dsp.typed_table import TableReader, number, text

_READER = TableReader("speaker")
_MOST_SOURCES = 8
_OPUS = (96, "opus", 48_000, 2)


@dataclass(frozen=True)
class SpeakerSettings:
    """One loudspeaker.

    Attributes
    ----------
    id, zone
        Who it is, and which zone it belongs to.
    sources
        In order of preference: `sdp:PATH`, `rtp://ADDRESS:PORT`, `file:PATH`.
    output
        `null`, `file:PATH` or `card:NAME`.
    volume
        Factor on full scale.
    delay_ms
        From capture at the sender to the loudspeaker.
    plain_rtp
        Plays RTP without SRTP: no valid signature, no sound, unless somebody says so here.
    device_key, trusted_keys, profile
        Of signed sessions and bulletins, which this loudspeaker does not take yet.
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

    def __post_init__(self) -> None:
        """Refuse names, sources and outputs that are none."""
        if not (self.id.strip() and self.zone.strip()):
            raise ValueError("id: expected a name for loudspeaker and zone, got an empty one")
        if not 1 <= len(self.sources) <= _MOST_SOURCES:
            raise ValueError(f"sources: expected 1 to {_MOST_SOURCES}, got {len(self.sources)}")
        for source in self.sources:
            if not source.startswith(("sdp:", "rtp://", "file:")):
                raise ValueError(f"sources: expected sdp:, rtp:// or file:, got {source[:60]!r}")
        if self.output != "null" and not self.output.startswith(("file:", "card:")):
            raise ValueError(f"output: expected null, file: or card:, got {self.output[:60]!r}")

    def unused(self) -> list[str]:
        """Return the keys that are set and do nothing yet."""
        keys = ("device_key", "trusted_keys", "profile")
        return [key for key in keys if getattr(self, key)]


def load_settings(path: Path) -> SpeakerSettings:
    """Read SPEAKER.toml.

    Raises
    ------
    Refusal
        "speaker.toml", "speaker.key", "speaker.value", "file.not_found".
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(
            "file.not_found",
            expected="a SPEAKER.toml",
            got=f"{path.name}: {error.strerror}",
            advice="checking the spelling of the path",
        ) from error
    settings = _READER.read("SPEAKER.toml", _READER.parse(content), SpeakerSettings)
    assert isinstance(settings, SpeakerSettings)
    return settings


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
