"""Chunk lists of WAV (RIFF, RIFX, RF64, BW64), Wave64 and AIFF, read for completeness.

Sources: Microsoft RIFF; EBU Tech 3306 (RF64); Rec. ITU-R BS.2088 (BW64); Sony Wave64; Apple AIFF-C.
Only the lengths are read here; the samples are libsndfile's business. A WAV written to a pipe says
0xFFFFFFFF (or nearly so) for "length unknown": it is taken to the end of the file. A length of 0
with sound behind it is a recorder that lost its power.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field

from ingest.decode import refusals

_PIPE_BYTES = 0x7FFF_0000
_CHUNKS_AT_MOST = 4096
# Codings whose frame is channels times whole bytes: PCM, IEEE float, A-law, µ-law, extensible.
_PLAIN_TAGS = frozenset({1, 3, 6, 7, 0xFFFE})


@dataclass
class _Layout:
    """What the chunks before the sound say."""

    frame_bytes: int = 0
    bytes_per_s: float = 0.0
    promised_frames: int | None = None
    long_data_bytes: int | None = None
    ids: list[bytes] = field(default_factory=list)


def require_sound(descriptor: int, container: str) -> int | None:
    """Return the frames promised by the header, None where it does not say.

    Raises
    ------
    Refusal
        audio.truncated, audio.damaged or audio.empty.
    """
    size = os.fstat(descriptor).st_size
    head = os.pread(descriptor, 4, 0)
    order = ">" if head in {b"RIFX", b"FORM"} else "<"
    layout, position = _Layout(), 40 if container == "w64" else 12
    for _ in range(_CHUNKS_AT_MOST):
        name, body, length = _chunk(descriptor, container, order, position)
        if name is None:
            raise refusals.truncated("a header and sound", "the end of the file before any sound")
        if name in {b"data", b"SSND"}:
            return _require_data(layout, name, length, size - body)
        if body + length > size:
            raise refusals.truncated("a complete header", "the end of the file within it")
        _note(layout, name, os.pread(descriptor, min(length, 64), body), order)
        step = 8 if container == "w64" else 2
        position = body + -(-length // step) * step
    raise refusals.damaged("a header and sound", f"{_CHUNKS_AT_MOST} chunks without sound")


def _chunk(
    descriptor: int, container: str, order: str, position: int
) -> tuple[bytes | None, int, int]:
    """Return name, offset of the body and its length; name None at the end of the file."""
    if container == "w64":
        head = os.pread(descriptor, 24, position)
        if len(head) < 24:
            return None, position, 0
        length = int.from_bytes(head[16:], "little") - 24
        if length < 0:
            raise refusals.damaged("chunks of 24 bytes or more", f"one of {length + 24}")
        return head[:4], position + 24, length
    head = os.pread(descriptor, 8, position)
    if len(head) < 8:
        return None, position, 0
    return head[:4], position + 8, int(struct.unpack(order + "I", head[4:])[0])


def _note(layout: _Layout, name: bytes, body: bytes, order: str) -> None:
    if name == b"ds64" and len(body) >= 16:
        layout.long_data_bytes = struct.unpack("<Q", body[8:16])[0]
    elif name == b"fmt " and len(body) >= 16:
        tag, channels, _, per_s, align, bits = struct.unpack(order + "HHIIHH", body[:16])
        if tag in _PLAIN_TAGS:
            if align == 0 or align != channels * -(-bits // 8):
                raise refusals.damaged(
                    f"{channels * -(-bits // 8)} bytes a frame by channels and bits",
                    f"{align} by the header",
                )
            layout.frame_bytes = align
        layout.bytes_per_s = float(per_s)
    elif name == b"COMM" and len(body) >= 18:
        channels, frames, bits = struct.unpack(">hIh", body[:8])
        exponent, mantissa = struct.unpack(">hQ", body[8:18])
        rate_hz = mantissa * 2.0 ** max(min(exponent - 16_446, 0), -200)
        plain = body[18:22] in {b"", b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64"}
        layout.frame_bytes = channels * -(-bits // 8) if plain else 0
        layout.bytes_per_s = rate_hz * layout.frame_bytes
        layout.promised_frames = frames if plain else None


def _require_data(layout: _Layout, name: bytes, length: int, there: int) -> int | None:
    """Compare the `length` of the sound chunk with the bytes that are `there`."""
    if name == b"SSND":
        length, there = max(length - 8, 0), max(there - 8, 0)
    elif length == 0xFFFF_FFFF and layout.long_data_bytes is not None:
        length = layout.long_data_bytes
    elif length >= _PIPE_BYTES and length > there:
        return None
    if length == 0:
        if there > 0:
            raise refusals.truncated("a recording that was closed", "one whose length is still 0")
        raise refusals.empty("a header and no samples")
    if length > there:
        per_s = layout.bytes_per_s
        wanted, got = f"{length} bytes of sound", f"{there} bytes of it"
        if per_s > 0:
            wanted, got = f"{length / per_s:.3f} s of sound", f"{there / per_s:.3f} s of it"
        raise refusals.truncated(wanted, got)
    if layout.promised_frames is not None:
        return layout.promised_frames
    return length // layout.frame_bytes if layout.frame_bytes else None
