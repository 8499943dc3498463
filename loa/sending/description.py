"""The session description (SDP) of a stream that is sent."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path

from dsp.packet.sdp import AudioSession
from dsp.packet.srtp import crypto_line
from transmit.atomic import OutputSet
from transmit.rtp.payloads import Codec
from transmit.rtp.stream import REPAIR_PAYLOAD_TYPE, FecProfile


def describe(
    codec: Codec,
    address: tuple[str, int],
    *,
    packet_ms: float,
    fec: FecProfile | None = None,
    key: bytes | None = None,
    name: str = "Loa",
    ttl: int | None = None,
) -> AudioSession:
    """Return the session description of a stream."""
    crypto = () if key is None else (crypto_line(key),)
    attributes: tuple[tuple[str, str], ...] = ()
    if fec is not None:  # RFC 6364 clause 4; the repair flow shares the port
        repair = f"encoding-id=8; ss-fssi=m:8; payload-type={REPAIR_PAYLOAD_TYPE}"
        attributes = (("fec-source-flow", "id=0; tag-len=6"), ("fec-repair-flow", repair))
    parameters = "sprop-stereo=0;stereo=0;cbr=1" if codec.name == "opus" else None
    multicast = ipaddress.ip_address(address[0]).is_multicast
    return AudioSession(
        address[0],
        address[1],
        codec.payload_type,
        codec.encoding,
        codec.clock_hz,
        codec.sdp_channels,
        packet_ms=packet_ms,
        name=name,
        source_address="::1" if ":" in address[0] else "127.0.0.1",
        session_id=secrets.randbits(31),
        ttl=ttl if multicast else None,
        format_parameters=parameters,
        crypto=crypto,
        attributes=attributes,
    )


def write_description(path: Path, session: AudioSession) -> None:
    """Write a session description, whole or not at all; with a key in it, for its owner's eyes."""
    with OutputSet([path]) as output:
        part = output.part(path)
        if session.crypto:
            part.touch(mode=0o600)
            part.chmod(0o600)
        part.write_text(session.describe(), encoding="utf-8", newline="")
        output.commit()
