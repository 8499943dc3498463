"""RTP sessions that settings name themselves: by a description, or by address and codec."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import STATIC_TYPES, AudioSession, parse_session

_OPUS = (96, "opus", 48_000, 2)


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
