"""`loa bulletin device` and `loa bulletin session`: keys of devices, and live audio signed."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import parse_session
from dsp.packet.srtp import key_of_line
from ingest.clock import Clock, SystemClock
from loa import reporting
from loa.sending.devices import read_devices
from loa.sending.envelopes import content_of, write_secret
from transmit.atomic import OutputSet
from transmit.bulletin.announced import AnnouncedSession
from transmit.bulletin.content import Priority, Tier
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.session import MOST_HOURS, open_session, sign_session
from transmit.bulletin.signing import SigningKey

_CRYPTO = re.compile(rb"a=crypto:[^\r\n]*\r?\n")


def make_device(path: Path, name: str) -> int:
    """Write a device's private key that only this user may read; print its public half."""
    key = DeviceKey.generate()
    write_secret(path, base64.b64encode(key.to_bytes()) + b"\n")
    public = base64.b64encode(key.public).decode()
    reporting.print_json("bulletin-device", {"id": name, "public": public})
    return 0


@dataclass(frozen=True)
class SessionRequest:
    """What `loa bulletin session` was asked for."""

    sdp: Path
    output: Path
    key: Path
    devices: Path
    issuer: str
    tier: Tier
    priority: Priority = "normal"
    communes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    minutes: float = 60.0
    counter: int | None = None
    name: str | None = None


def make_session(request: SessionRequest, clock: Clock | None = None) -> int:
    """Sign a session for the stream that a description names, its key wrapped for the devices."""
    now_utc = (clock or SystemClock()).now_utc().replace(microsecond=0)
    sdp = content_of(request.sdp)
    srtp_key, plain = _key_in(sdp, request.sdp.name), _CRYPTO.sub(b"", sdp)
    devices = read_devices(request.devices)
    counter = request.counter or int(now_utc.timestamp())
    try:
        session, wraps = open_session(
            srtp_key,
            plain,
            {one.id: one.raw for one in devices},
            id=request.name or f"live-{counter}",
            issuer=request.issuer,
            tier=request.tier,
            priority=request.priority,
            communes=request.communes,
            zones=request.zones,
            not_before=f"{now_utc:%Y-%m-%dT%H:%M:%SZ}",
            expires=f"{now_utc + timedelta(minutes=request.minutes):%Y-%m-%dT%H:%M:%SZ}",
            counter=counter,
        )
    except ValueError as error:
        raise Refusal(
            "session.value",
            expected=f"a session of {MOST_HOURS} h at most, with names and areas",
            got=str(error),
            advice="loa bulletin session --help",
        ) from error
    signed = sign_session(session, SigningKey.from_pem(content_of(request.key)))
    announced = AnnouncedSession(signed, plain, wraps)
    with OutputSet([request.output]) as outputs:
        outputs.part(request.output).write_bytes(announced.to_bytes())
        outputs.commit()
    fields = {"id": session.id, "counter": counter, "expires": session.expires}
    reporting.print_json("bulletin-session", fields | {"devices": len(wraps)})
    return 0


def _key_in(sdp: bytes, name: str) -> bytes:
    """Return the SRTP key that a description carries."""
    try:
        lines = parse_session(sdp).crypto
        if lines:
            return key_of_line(lines[0])
        got = f"none in {name}"
    except RemoteFormatError as error:
        got = f"{name}: {error}"
    raise Refusal(
        "session.sdp",
        expected="a description with an a=crypto line",
        got=got,
        advice="loa stream --srtp-key-file KEY --sdp F",
    )
