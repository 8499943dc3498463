"""Session descriptions (RFC 8866): the audio stream that a receiver is to play.

`parse_session` reads the first audio section with an RTP profile and answers what a player needs;
lines it does not know are passed over, lies are `RemoteFormatError`. `AudioSession.describe`
writes a description that FFmpeg and GStreamer take. Security descriptions (RFC 4568 `a=crypto`)
and the repair flow of our FEC (`a=fec-repair-flow`, RFC 6364) are carried as they are.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from dataclasses import dataclass, field

from dsp.packet.errors import RemoteFormatError

MAX_BYTES = 64 * 1024
# RFC 3551 clause 6, audio with a static number. G722's clock is 8000 though it samples at 16000.
STATIC_TYPES = {
    0: ("PCMU", 8_000, 1),
    3: ("GSM", 8_000, 1),
    8: ("PCMA", 8_000, 1),
    9: ("G722", 8_000, 1),
    10: ("L16", 44_100, 2),
    11: ("L16", 44_100, 1),
    14: ("MPA", 90_000, 1),
}
_PROFILES = ("RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF")
_RTPMAP = re.compile(r"(\d{1,3}) ([A-Za-z0-9._-]{1,32})/(\d{1,6})(?:/(\d{1,2}))?$")
_MAX_CLOCK_HZ = 384_000
_MAX_PTIME_MS = 200.0
_DEFAULT_TTL = 16
_PTIME = re.compile(r"\d{1,4}(\.\d{1,6})?")


@dataclass(frozen=True)
class AudioSession:
    """One RTP audio stream.

    Attributes
    ----------
    address, port
        Where the packets go: an IPv4 or IPv6 address, unicast or multicast.
    payload_type, encoding, clock_hz, channels
        As the rtpmap says them: Opus is always 48000/2.
    packet_ms
        `a=ptime`; None where the description does not say.
    source_address
        `o=`, and the only sender taken where `a=source-filter` names it.
    ttl
        Of multicast.
    format_parameters
        `a=fmtp` of the payload type.
    crypto
        `a=crypto` lines, as they are.
    attributes
        Further `a=` lines of the media section, (name, value).
    """

    address: str
    port: int
    payload_type: int
    encoding: str
    clock_hz: int
    channels: int = 1
    packet_ms: float | None = 20.0
    name: str = "Loa"
    source_address: str = "127.0.0.1"
    session_id: int = 0
    ttl: int | None = None
    format_parameters: str | None = None
    crypto: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = field(default=())

    def describe(self) -> str:
        """Return the description, lines ended by CRLF."""
        family = "IP6" if ":" in self.address else "IP4"
        host_family = "IP6" if ":" in self.source_address else "IP4"
        multicast = ipaddress.ip_address(self.address).is_multicast
        ttl = (
            f"/{self.ttl if self.ttl is not None else 16}" if multicast and family == "IP4" else ""
        )
        profile = "RTP/SAVP" if self.crypto else "RTP/AVP"
        rate = f"{self.encoding}/{self.clock_hz}"
        rate += f"/{self.channels}" if self.channels > 1 else ""
        lines = [
            "v=0",
            f"o=- {self.session_id} 1 IN {host_family} {self.source_address}",
            f"s={_one_line(self.name)}",
            f"c=IN {family} {self.address}{ttl}",
            "t=0 0",
            f"m=audio {self.port} {profile} {self.payload_type}",
            f"a=rtpmap:{self.payload_type} {rate}",
        ]
        if self.format_parameters:
            lines.append(f"a=fmtp:{self.payload_type} {_one_line(self.format_parameters)}")
        if self.packet_ms is not None:
            lines.append(f"a=ptime:{self.packet_ms:g}")
        lines += [f"a=crypto:{_one_line(line)}" for line in self.crypto]
        lines += [
            f"a={_one_line(name)}:{_one_line(value)}" if value else f"a={_one_line(name)}"
            for name, value in self.attributes
        ]
        lines.append("a=recvonly")
        return "\r\n".join(lines) + "\r\n"


def _one_line(text: str) -> str:
    """Refuse text that would begin another line: a title must not become an attribute."""
    if any(ord(letter) < 32 for letter in text):
        raise ValueError(f"expected one line of text, got {text!r}")
    return text


def parse_session(text: str | bytes) -> AudioSession:
    """Return the first audio stream of a description.

    Raises
    ------
    RemoteFormatError
        `sdp.size`, `sdp.text`, `sdp.version`, `sdp.line`, `sdp.no_audio`, `sdp.media`,
        `sdp.address`, `sdp.rtpmap`, `sdp.ptime`.
    """
    lines = _lines(text)
    if not lines or lines[0] != ("v", "0"):
        raise RemoteFormatError("sdp.version", "expected v=0 first")
    head, media = _sections(lines)
    port, profile, formats = _media_line(media[0][1])
    connection = _last(media, "c") or _last(head, "c")
    address, ttl = _connection(connection)
    attributes = [_attribute(value) for kind, value in media if kind == "a"]
    payload_type = int(formats[0])
    encoding, clock_hz, channels = _mapping(payload_type, attributes)
    origin = (_last(head, "o") or "").split()
    return AudioSession(
        address=address,
        port=port,
        payload_type=payload_type,
        encoding=encoding,
        clock_hz=clock_hz,
        channels=channels,
        packet_ms=_packet_ms(attributes),
        name=_last(head, "s") or "",
        source_address=origin[5] if len(origin) == 6 else "0.0.0.0",  # noqa: S104 - no bind: unknown
        session_id=int(origin[1]) if len(origin) == 6 and origin[1].isdecimal() else 0,
        ttl=ttl,
        format_parameters=_parameters(payload_type, attributes),
        crypto=tuple(value for name, value in attributes if name == "crypto")
        if "SAVP" in profile
        else (),
        attributes=tuple(
            (name, value)
            for name, value in attributes
            if name not in {"rtpmap", "fmtp", "ptime", "crypto", "recvonly"}
        ),
    )


def _lines(text: str | bytes) -> list[tuple[str, str]]:
    if len(text) > MAX_BYTES:
        raise RemoteFormatError("sdp.size", f"expected {MAX_BYTES} bytes at most, got {len(text)}")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            raise RemoteFormatError("sdp.text", "expected UTF-8") from None
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].islower():
            raise RemoteFormatError("sdp.line", f"expected x=…, got {line[:40]!r}")
        lines.append((line[0], line[2:].strip()))
    return lines


def _sections(
    lines: list[tuple[str, str]],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the session's lines and those of its first audio section over RTP."""
    starts = [index for index, (kind, _) in enumerate(lines) if kind == "m"] + [len(lines)]
    for begin, end in itertools.pairwise(starts):
        words = lines[begin][1].split()
        if words[:1] == ["audio"] and len(words) >= 4 and words[2].endswith(_PROFILES):
            return lines[: starts[0]], lines[begin:end]
    raise RemoteFormatError("sdp.no_audio", "expected an audio section over RTP")


def _media_line(value: str) -> tuple[int, str, list[str]]:
    words = value.split()
    port = words[1].split("/")[0]
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise RemoteFormatError("sdp.media", f"expected a port from 1 to 65535, got {port[:12]!r}")
    formats = words[3:]
    if not all(word.isdecimal() and int(word) <= 127 for word in formats):
        raise RemoteFormatError("sdp.media", f"expected payload types, got {formats[0][:12]!r}")
    return int(port), words[2], formats


def _connection(value: str | None) -> tuple[str, int | None]:
    words = (value or "").split()
    if len(words) != 3 or words[0] != "IN":
        raise RemoteFormatError("sdp.address", f"expected c=IN IP4 or IP6, got {value!r}")
    address, *rest = words[2].split("/")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise RemoteFormatError(
            "sdp.address", f"expected an address, got {address[:60]!r}"
        ) from None
    ttl = rest[0] if rest and parsed.version == 4 else None
    if ttl is not None and not (ttl.isdecimal() and int(ttl) <= 255):
        raise RemoteFormatError("sdp.address", f"expected a TTL up to 255, got {ttl[:12]!r}")
    return str(parsed), None if ttl is None else int(ttl)


def _attribute(value: str) -> tuple[str, str]:
    name, _, rest = value.partition(":")
    return name, rest


def _mapping(payload_type: int, attributes: list[tuple[str, str]]) -> tuple[str, int, int]:
    for name, value in attributes:
        if name != "rtpmap" or value.split(" ")[0] != str(payload_type):
            continue
        found = _RTPMAP.match(value)
        if found is None or not 1 <= int(found[3]) <= _MAX_CLOCK_HZ:
            raise RemoteFormatError("sdp.rtpmap", f"expected NUMBER NAME/CLOCK, got {value[:60]!r}")
        return found[2], int(found[3]), int(found[4] or 1)
    if payload_type in STATIC_TYPES:
        return STATIC_TYPES[payload_type]
    raise RemoteFormatError("sdp.rtpmap", f"expected a=rtpmap for payload type {payload_type}")


def _parameters(payload_type: int, attributes: list[tuple[str, str]]) -> str | None:
    for name, value in attributes:
        number, _, parameters = value.partition(" ")
        if name == "fmtp" and number == str(payload_type):
            return parameters
    return None


def _packet_ms(attributes: list[tuple[str, str]]) -> float | None:
    for name, value in attributes:
        if name == "ptime":
            if (
                not re.fullmatch(r"\d{1,4}(\.\d{1,6})?", value)
                or not 0 < float(value) <= _MAX_PTIME_MS
            ):
                raise RemoteFormatError("sdp.ptime", f"expected up to 200 ms, got {value[:12]!r}")
            return float(value)
    return None


def _last(lines: list[tuple[str, str]], kind: str) -> str | None:
    return next((value for found, value in reversed(lines) if found == kind), None)
