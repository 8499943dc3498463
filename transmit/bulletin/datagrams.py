"""Signed messages in datagrams: cut to size, put together again, repeated without cost.

    "LOA1" · 8 bytes of the message's SHA-256 · index · count (16 bits each) · at most 1180 bytes

A datagram says nothing that is believed: what is put together must have the digest, and what the
message says must be signed. Repairs are repetitions: who has the rest of a message takes the piece
that was lost out of the next round. What is held of unfinished messages is bounded.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

from dsp.packet.errors import RemoteFormatError

MAGIC = b"LOA1"
MOST_MESSAGE_BYTES = 256 << 10
PIECE_BYTES = 1_180  # with the header, UDP and IPv6 within 1280, which no network cuts
_HEADER = struct.Struct(">4s8sHH")
_DIGEST_BYTES = 8
_MOST_OPEN = 16
_MOST_PIECES = -(-MOST_MESSAGE_BYTES // PIECE_BYTES)


def datagrams_of(message: bytes) -> list[bytes]:
    """Return the datagrams that carry `message`.

    Raises
    ------
    ValueError
        For an empty message, or one of more than 256 KB.
    """
    if not 1 <= len(message) <= MOST_MESSAGE_BYTES:
        raise ValueError(f"message: expected 1 to {MOST_MESSAGE_BYTES} bytes, got {len(message)}")
    digest = hashlib.sha256(message).digest()[:_DIGEST_BYTES]
    pieces = [message[at : at + PIECE_BYTES] for at in range(0, len(message), PIECE_BYTES)]
    return [
        _HEADER.pack(MAGIC, digest, index, len(pieces)) + piece
        for index, piece in enumerate(pieces)
    ]


@dataclass
class _Open:
    """A message of which something is missing."""

    count: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class Assembler:
    """Puts messages together; those it cannot finish make room, oldest first."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, int], _Open] = {}

    def add(self, data: bytes) -> bytes | None:
        """Take a datagram; return the message that it completes.

        Raises
        ------
        RemoteFormatError
            `datagram.header`, `datagram.piece`, `datagram.digest`; the state is then as before,
            or without the message whose digest is wrong.
        """
        if len(data) <= _HEADER.size or len(data) > _HEADER.size + PIECE_BYTES:
            raise RemoteFormatError("datagram.header", f"got {len(data)} bytes")
        magic, digest, index, count = _HEADER.unpack_from(data)
        if magic != MAGIC or not 0 <= index < count <= _MOST_PIECES:
            raise RemoteFormatError("datagram.header", f"got {data[: _HEADER.size].hex()}")
        piece = data[_HEADER.size :]
        if index < count - 1 and len(piece) != PIECE_BYTES:
            raise RemoteFormatError("datagram.piece", f"expected {PIECE_BYTES}, got {len(piece)}")
        if count == 1:
            return _checked(piece, digest)
        key = (digest, count)
        if key not in self._open:
            while len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[key] = _Open(count)
        found = self._open[key]
        found.pieces[index] = piece
        if len(found.pieces) < count:
            return None
        del self._open[key]
        return _checked(b"".join(found.pieces[at] for at in range(count)), digest)


def _checked(message: bytes, digest: bytes) -> bytes:
    if hashlib.sha256(message).digest()[:_DIGEST_BYTES] != digest:
        raise RemoteFormatError("datagram.digest", "expected the message of that digest")
    return message
