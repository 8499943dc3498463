"""RTP packets (RFC 3550 clause 5.1): twelve bytes of header, then the payload.

    0                   1                   2                   3
    V=2 P X  CC    M   PT          sequence number
    timestamp
    synchronisation source (SSRC)
    contributing sources, 0 to 15 · header extension · payload · padding

`parse` believes nothing: every length is checked against the bytes that are there. Payload types
72 to 76 are refused because RTCP's types 200 to 204 look like them (RFC 5761 clause 4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dsp.packet.errors import RemoteFormatError

HEADER_BYTES = 12
VERSION = 2
MAX_PACKET_BYTES = 65_507  # what one UDP datagram can carry over IPv4
_HEADER = struct.Struct(">BBHII")
_EXTENSION = struct.Struct(">HH")
_PADDING, _HAS_EXTENSION, _MARKER = 0x20, 0x10, 0x80
_RTCP_LOOKALIKES = range(72, 77)


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet.

    Attributes
    ----------
    payload_type
        0 to 127 without 72 to 76; RFC 3551 or the session description names the codec.
    sequence, timestamp, ssrc
        16, 32 and 32 bits; they wrap. `timestamp` is in ticks of the payload's clock.
    payload
        Without padding.
    marker
        First packet of a talkspurt (RFC 3551 clause 4.1).
    contributing
        Up to 15 contributing sources.
    extension
        (profile, data) of a header extension, data a multiple of four bytes; None without one.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    contributing: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None

    def pack(self) -> bytes:
        """Return the bytes for the wire, without padding.

        Raises
        ------
        ValueError
            A field that does not fit: our own bug.
        """
        if not 0 <= self.payload_type <= 127 or self.payload_type in _RTCP_LOOKALIKES:
            raise ValueError(
                f"payload_type: expected 0 to 127 without 72 to 76, got {self.payload_type}"
            )
        if len(self.contributing) > 15:
            raise ValueError(f"contributing: expected 15 at most, got {len(self.contributing)}")
        flags = VERSION << 6 | len(self.contributing)
        middle = struct.pack(f">{len(self.contributing)}I", *self.contributing)
        if self.extension is not None:
            profile, data = self.extension
            if len(data) % 4:
                raise ValueError(f"extension: expected whole words, got {len(data)} bytes")
            flags |= _HAS_EXTENSION
            middle += _EXTENSION.pack(profile, len(data) // 4) + data
        kind = self.payload_type | (_MARKER if self.marker else 0)
        try:
            head = _HEADER.pack(flags, kind, self.sequence, self.timestamp, self.ssrc)
        except struct.error as error:
            raise ValueError(
                f"sequence, timestamp, ssrc: expected 16, 32 and 32 bits, got "
                f"{self.sequence}, {self.timestamp}, {self.ssrc}"
            ) from error
        return head + middle + self.payload


def parse(data: bytes | bytearray | memoryview) -> RtpPacket:
    """Return the packet in `data`.

    Raises
    ------
    RemoteFormatError
        `rtp.short`, `rtp.long`, `rtp.version`, `rtp.payload_type`, `rtp.extension`, `rtp.padding`.
    """
    data = bytes(data)
    if len(data) < HEADER_BYTES:
        raise RemoteFormatError("rtp.short", f"expected 12 bytes or more, got {len(data)}")
    if len(data) > MAX_PACKET_BYTES:
        raise RemoteFormatError("rtp.long", f"expected one datagram, got {len(data)} bytes")
    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if flags >> 6 != VERSION:
        raise RemoteFormatError("rtp.version", f"expected version 2, got {flags >> 6}")
    payload_type = kind & 0x7F
    if payload_type in _RTCP_LOOKALIKES:
        raise RemoteFormatError("rtp.payload_type", f"expected RTP, got RTCP-like {payload_type}")
    start = HEADER_BYTES + 4 * (flags & 0x0F)
    if start > len(data):
        raise RemoteFormatError("rtp.short", f"expected {start} bytes of header, got {len(data)}")
    contributing = struct.unpack_from(f">{flags & 0x0F}I", data, HEADER_BYTES)
    extension = None
    if flags & _HAS_EXTENSION:
        extension, start = _parse_extension(data, start)
    end = len(data)
    if flags & _PADDING:
        end -= _padding(data, start)
    return RtpPacket(
        payload_type,
        sequence,
        timestamp,
        ssrc,
        data[start:end],
        bool(kind & _MARKER),
        contributing,
        extension,
    )


def _parse_extension(data: bytes, start: int) -> tuple[tuple[int, bytes], int]:
    """Return (profile, data) of the header extension at `start`, and where the payload begins."""
    if start + _EXTENSION.size > len(data):
        raise RemoteFormatError("rtp.extension", "expected its length, got the packet's end")
    profile, words = _EXTENSION.unpack_from(data, start)
    begin = start + _EXTENSION.size
    end = begin + 4 * words
    if end > len(data):
        raise RemoteFormatError(
            "rtp.extension", f"expected {4 * words} bytes, got {len(data) - begin}"
        )
    return (profile, data[begin:end]), end


def _padding(data: bytes, start: int) -> int:
    """Return how many bytes of padding end the packet; the last of them says so."""
    count = data[-1] if len(data) > start else 0
    if not 1 <= count <= len(data) - start:
        raise RemoteFormatError(
            "rtp.padding", f"expected 1 to {len(data) - start} bytes, got {count}"
        )
    return count
