"""The pages of an Ogg file (RFC 3533): every one there, in order, with its checksum right.

FFmpeg skips a page whose checksum is wrong or that is missing and plays on, one second short. A
whole stream is numbered without a gap and ends with a page marked "end of stream"; one without that
mark was cut off. Chained files (one stream after the other) are refused: they may change everything
half way.

The checksum is CRC-32 with the polynomial 0x04C11DB7, not reflected, starting at 0. zlib's is the
reflected one, so the bytes are mirrored first: both steps run in C at memory speed.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.decode import refusals

if TYPE_CHECKING:
    from dsp.errors import Refusal

_HEADER_BYTES = 27
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_WINDOW_BYTES = 1 << 20
_PAGE_BYTES_AT_MOST = _HEADER_BYTES + 255 + 255 * 255
_BEGIN, _END = 2, 4
_ONES = 0xFFFF_FFFF


@dataclass
class _Stream:
    """One logical stream while the pages go by."""

    rate_hz: int
    next_sequence: int = 0
    granule: int = 0
    ended: bool = False

    @property
    def seconds(self) -> float:
        return self.granule / self.rate_hz


def checksum(page: bytes) -> int:
    """Return the CRC of a page whose own checksum field holds zeros."""
    mirrored = zlib.crc32(page.translate(_MIRROR), _ONES) ^ _ONES
    return int(f"{mirrored:032b}"[::-1], 2)


def coding(descriptor: int) -> str:
    """Return "vorbis" or "other" by the first packet (Vorbis I, 4.2.1)."""
    head = os.pread(descriptor, _HEADER_BYTES + 255 + 7, 0)
    body = head[_HEADER_BYTES + (head[26] if len(head) > 26 else 0) :]
    return "vorbis" if body[1:7] == b"vorbis" else "other"


def require_whole(descriptor: int) -> None:
    """Walk all pages; raise Refusal (audio.truncated, audio.damaged, audio.unsupported)."""
    streams: dict[bytes, _Stream] = {}
    window, base, position = b"", 0, 0
    size = os.fstat(descriptor).st_size
    while position < size:
        offset = position - base
        if len(window) - offset < _PAGE_BYTES_AT_MOST and base + len(window) < size:
            window, base, offset = os.pread(descriptor, _WINDOW_BYTES, position), position, 0
        page = _page(window, offset, streams)
        _follow(page, streams)
        position += len(page)
    for stream in streams.values():
        if not stream.ended:
            raise _cut_off(stream.seconds)


def _page(window: bytes, offset: int, streams: dict[bytes, _Stream]) -> bytes:
    """Return the page at `offset` with its checksum verified."""
    seconds = max((s.seconds for s in streams.values()), default=0.0)
    head = window[offset : offset + _HEADER_BYTES]
    if head[:4] != b"OggS"[: len(head)]:
        raise refusals.damaged("one page right after the other", f"other bytes at {seconds:.3f} s")
    count = head[26] if len(head) == _HEADER_BYTES else 255
    lacing = window[offset + _HEADER_BYTES : offset + _HEADER_BYTES + count]
    page = window[offset : offset + _HEADER_BYTES + count + sum(lacing)]
    if len(lacing) < count or len(page) < _HEADER_BYTES + count + sum(lacing):
        raise _cut_off(seconds)
    if checksum(page[:22] + b"\0\0\0\0" + page[26:]) != int.from_bytes(page[22:26], "little"):
        raise refusals.damaged("pages with a right checksum", f"a wrong one at {seconds:.3f} s")
    return page


def _follow(page: bytes, streams: dict[bytes, _Stream]) -> None:
    """Check the page's place in its stream and note what it says."""
    flags, granule, serial = page[5], int.from_bytes(page[6:14], "little", signed=True), page[14:18]
    sequence = int.from_bytes(page[18:22], "little")
    if flags & _BEGIN:
        if any(stream.ended or stream.next_sequence > 1 for stream in streams.values()):
            raise refusals.unsupported("Ogg streams chained one after the other")
        streams[serial] = _Stream(_rate_hz(page))
        streams[serial].next_sequence = sequence
    stream = streams.get(serial)
    if stream is None or stream.ended or sequence != stream.next_sequence:
        seconds = stream.seconds if stream else 0.0
        raise refusals.damaged("pages in order", f"a missing or foreign page at {seconds:.3f} s")
    stream.next_sequence = sequence + 1 & _ONES
    if granule >= 0:
        stream.granule = granule
    stream.ended = bool(flags & _END)


def _rate_hz(page: bytes) -> int:
    """Return the rate of the granule positions: 48 kHz for Opus (RFC 7845), stated in Vorbis."""
    body = page[_HEADER_BYTES + page[26] :]
    if body[1:7] == b"vorbis":
        return int.from_bytes(body[12:16], "little") or 48_000
    if body[:5] == b"\x7fFLAC":
        return int.from_bytes(body[27:30], "big") >> 4 or 48_000
    return 48_000


def _cut_off(seconds: float) -> Refusal:
    return refusals.truncated("an end-of-stream page", f"the end of the file after {seconds:.3f} s")
