"""What the options of sending mean: codec, packets, FEC, destinations, keys; or one line why not.

Every function raises a Refusal for what is none: "usage", and "srtp.key" of a key.
"""

from __future__ import annotations

import base64
import ipaddress
from pathlib import Path

from dsp.errors import Refusal
from dsp.packet.srtp import KEY_BYTES
from transmit.rtp.payloads import CODECS, MAX_PAYLOAD_BYTES, Codec, PayloadEncoder
from transmit.rtp.stream import EMERGENCY_FEC, NORMAL_FEC, FecProfile

FEC_PROFILES = {"none": None, "normal": NORMAL_FEC, "emergency": EMERGENCY_FEC}


def codec_of(name: str) -> Codec:
    """Return a codec by its name."""
    if name not in CODECS:
        wanted = f"one of {', '.join(CODECS)}"
        raise Refusal("usage", expected=wanted, got=name[:40], advice="--codec opus")
    return CODECS[name]


def fec_of(name: str) -> FecProfile | None:
    """Return a FEC profile by its name; None for "none"."""
    if name not in FEC_PROFILES:
        raise Refusal(
            "usage",
            expected=f"one of {', '.join(FEC_PROFILES)}",
            got=name[:40],
            advice="--fec normal",
        )
    return FEC_PROFILES[name]


def encoder_of(codec: Codec, packet_ms: float | None, bit_rate_kbps: float) -> PayloadEncoder:
    """Return the encoder of a stream; `packet_ms` None is the codec's usual."""
    packet_ms = codec.usual_ms if packet_ms is None else packet_ms
    try:
        return PayloadEncoder(codec, packet_ms, round(bit_rate_kbps * 1000))
    except ValueError as error:
        raise Refusal(
            "usage",
            expected=f"a packet length of {codec.name}, of {MAX_PAYLOAD_BYTES} bytes at most",
            got=f"{packet_ms:g} ms at {bit_rate_kbps:g} kbit/s",
            advice=f"--packet-ms {codec.usual_ms:g}, or less --bit-rate-kbps",
        ) from error


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of ADDRESS:PORT, numbers only."""
    host, colon, port = text.removeprefix("rtp://").rpartition(":")
    host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
        number = int(port) if colon and port.isdecimal() else 0
    except ValueError:
        number = 0
    if not 1 <= number <= 65_534:
        raise Refusal(
            "usage",
            expected="ADDRESS:PORT in numbers, the port even and 65534 at most",
            got=text[:80],
            advice="--rtp 10.0.0.7:5004",
        )
    return host, number


def key_of(path: Path) -> bytes:
    """Read an SRTP key, in base64, from a file that others cannot read."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        key = base64.b64decode(text, validate=True)
    except (OSError, ValueError) as error:
        got = error.strerror if isinstance(error, OSError) else "something else"
        raise Refusal(
            "srtp.key",
            expected="a file with 30 bytes in base64 (28 or 44 for AES-GCM)",
            got=f"{path.name}: {got}",
            advice="head -c 30 /dev/urandom | base64 > KEYFILE; chmod 600 KEYFILE",
        ) from error
    if len(key) not in KEY_BYTES or mode & 0o077:
        got = "a file that others may read" if len(key) in KEY_BYTES else f"{len(key)} bytes"
        raise Refusal(
            "srtp.key",
            expected="30 bytes in base64 (28 or 44 for AES-GCM) in a file of mode 600",
            got=got,
            advice="chmod 600 KEYFILE, or make a new one: head -c 30 /dev/urandom | base64",
        )
    return key
