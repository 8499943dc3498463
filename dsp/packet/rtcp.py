"""RTCP: sender and receiver reports, names and goodbyes (RFC 3550 clause 6).

A compound packet begins with a report. `parse_compound` returns what it knows (`SenderReport`,
`ReceiverReport`, `SourceNames`, `Goodbye`) and passes over other types by their length. NTP times
are 64-bit fixed point since 1900; `ntp_from_unix` and `unix_from_ntp` are exact to 0.25 ns.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from fractions import Fraction

from dsp.packet.errors import RemoteFormatError

SENDER_REPORT, RECEIVER_REPORT, SOURCE_NAMES, GOODBYE = 200, 201, 202, 203
NTP_UNIX_EPOCH_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
_MAX_BLOCKS = 31
_CNAME = 1
_HEADER = struct.Struct(">BBH")
_SENDER = struct.Struct(">QIII")
_BLOCK = struct.Struct(">IIIIII")
_REPORTS = frozenset({SENDER_REPORT, RECEIVER_REPORT})


def ntp_from_unix(unix_ns: int) -> int:
    """Return the 64-bit NTP time of a Unix time in ns."""
    return (round(Fraction(unix_ns, 10**9) * 2**32) + (NTP_UNIX_EPOCH_S << 32)) % (1 << 64)


def unix_from_ntp(ntp: int) -> int:
    """Return the Unix time in ns of a 64-bit NTP time, in the era from 1970 to 2106."""
    seconds = (ntp - (NTP_UNIX_EPOCH_S << 32)) % (1 << 64)
    return round(Fraction(seconds, 2**32) * 10**9)


def middle_bits(ntp: int) -> int:
    """Return the middle 32 of 64 bits, in which LSR and DLSR count 1/65536 s."""
    return ntp >> 16 & 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class ReceptionBlock:
    """How one source is received (RFC 3550 clause 6.4.1).

    `fraction_lost` is in 1/256, `delay_since_last_report` in 1/65536 s, `jitter` in ticks.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay_since_last_report: int

    def pack(self) -> bytes:
        """Return the 24 bytes."""
        loss = self.fraction_lost << 24 | self.lost & 0xFF_FFFF
        return _BLOCK.pack(
            self.ssrc,
            loss,
            self.highest_sequence & 0xFFFF_FFFF,
            self.jitter & 0xFFFF_FFFF,
            self.last_report,
            self.delay_since_last_report,
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which NTP time a sender's RTP timestamp is, and what it has sent."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReceptionBlock, ...] = field(default=())

    def pack(self) -> bytes:
        """Return the packet."""
        body = struct.pack(">I", self.ssrc) + _SENDER.pack(
            self.ntp, self.rtp_timestamp, self.packets & 0xFFFF_FFFF, self.octets & 0xFFFF_FFFF
        )
        return _packed(SENDER_REPORT, len(self.blocks), body + _packed_blocks(self.blocks))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a receiver, `ssrc`, has heard."""

    ssrc: int
    blocks: tuple[ReceptionBlock, ...] = field(default=())

    def pack(self) -> bytes:
        """Return the packet."""
        body = struct.pack(">I", self.ssrc) + _packed_blocks(self.blocks)
        return _packed(RECEIVER_REPORT, len(self.blocks), body)


@dataclass(frozen=True, slots=True)
class SourceNames:
    """Canonical names (CNAME) by SSRC; a source's other items are passed over."""

    names: dict[int, str]

    def pack(self) -> bytes:
        """Return the packet."""
        body = b""
        for ssrc, name in self.names.items():
            text = name.encode()
            if len(text) > 255:
                raise ValueError(f"name: expected 255 bytes at most, got {len(text)}")
            chunk = struct.pack(">IBB", ssrc, _CNAME, len(text)) + text + b"\0"
            body += chunk + b"\0" * (-len(chunk) % 4)
        return _packed(SOURCE_NAMES, len(self.names), body)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Sources that leave."""

    ssrcs: tuple[int, ...]

    def pack(self) -> bytes:
        """Return the packet."""
        return _packed(GOODBYE, len(self.ssrcs), struct.pack(f">{len(self.ssrcs)}I", *self.ssrcs))


Report = SenderReport | ReceiverReport | SourceNames | Goodbye


def _packed(kind: int, count: int, body: bytes) -> bytes:
    if count > _MAX_BLOCKS:
        raise ValueError(f"count: expected {_MAX_BLOCKS} at most, got {count}")
    return _HEADER.pack(2 << 6 | count, kind, len(body) // 4) + body


def _packed_blocks(blocks: tuple[ReceptionBlock, ...]) -> bytes:
    return b"".join(block.pack() for block in blocks)


def parse_compound(data: bytes) -> list[Report]:
    """Return what a compound packet says, in order.

    Raises
    ------
    RemoteFormatError
        `rtcp.short`, `rtcp.version`, `rtcp.first`, `rtcp.length`, `rtcp.padding`, `rtcp.body`.
    """
    reports: list[Report] = []
    start = 0
    while start < len(data) or not data:
        if start + _HEADER.size > len(data):
            raise RemoteFormatError("rtcp.short", "expected a header of 4 bytes, got fewer")
        flags, kind, words = _HEADER.unpack_from(data, start)
        if flags >> 6 != 2:
            raise RemoteFormatError("rtcp.version", f"expected version 2, got {flags >> 6}")
        if start == 0 and kind not in _REPORTS:
            raise RemoteFormatError("rtcp.first", f"expected a report first, got type {kind}")
        end = start + 4 * (words + 1)
        if end > len(data):
            raise RemoteFormatError("rtcp.length", f"expected {end} bytes, got {len(data)}")
        body = data[start + 4 : end]
        if flags & 0x20:
            body = _without_padding(body, last=end == len(data))
        report = _parse_one(kind, flags & 0x1F, body)
        if report is not None:
            reports.append(report)
        start = end
    return reports


def _without_padding(body: bytes, *, last: bool) -> bytes:
    count = body[-1] if body else 0
    if not last or not 4 <= count <= len(body) or count % 4:
        raise RemoteFormatError("rtcp.padding", f"expected words at the very end, got {count}")
    return body[:-count]


def _parse_one(kind: int, count: int, body: bytes) -> Report | None:
    try:
        if kind == SENDER_REPORT:
            (ssrc,) = struct.unpack_from(">I", body)
            ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
            blocks = _blocks(body, 24, count)
            return SenderReport(ssrc, ntp, timestamp, packets, octets, blocks)
        if kind == RECEIVER_REPORT:
            (ssrc,) = struct.unpack_from(">I", body)
            return ReceiverReport(ssrc, _blocks(body, 4, count))
        if kind == SOURCE_NAMES:
            return SourceNames(_names(body, count))
        if kind == GOODBYE:
            return Goodbye(struct.unpack_from(f">{count}I", body))
    except struct.error:
        raise RemoteFormatError(
            "rtcp.body", f"expected {count} entries of type {kind}, got {len(body)} bytes"
        ) from None
    return None


def _blocks(body: bytes, start: int, count: int) -> tuple[ReceptionBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, loss, *rest = _BLOCK.unpack_from(body, start + index * _BLOCK.size)
        lost = loss & 0xFF_FFFF
        lost -= (lost & 0x80_0000) << 1
        blocks.append(ReceptionBlock(ssrc, loss >> 24, lost, *rest))
    return tuple(blocks)


def _names(body: bytes, count: int) -> dict[int, str]:
    """Return CNAME by SSRC; every chunk ends with a zero and is padded to words."""
    names: dict[int, str] = {}
    at = 0
    for _ in range(count):
        (ssrc,) = struct.unpack_from(">I", body, at)
        at += 4
        while True:
            (item,) = struct.unpack_from(">B", body, at)
            if item == 0:
                at += 4 - at % 4
                break
            (length,) = struct.unpack_from(">B", body, at + 1)
            text = struct.unpack_from(f">{length}s", body, at + 2)[0]
            if item == _CNAME:
                names[ssrc] = text.decode("utf-8", "replace")
            at += 2 + length
    return names
