"""The header of a WAV with I on the left and Q on the right (RIFF, RF64).

SDR programs add an `auxi` chunk: start and end as SYSTEMTIME, then the frequency the receiver was
tuned to. A length of 0, of all ones, or beyond the file means "to the end of the file".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from ingest.iq import refusals

if TYPE_CHECKING:
    from pathlib import Path

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS = {
    (_PCM, 8): "cu8",
    (_PCM, 16): "cs16",
    (_PCM, 24): "cs24",
    (_FLOAT, 32): "cf32",
}
_CHUNKS_AT_MOST = 100
_MOST_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class WavHeader:
    """What the header says; `data_bytes` is None where it goes to the end of the file."""

    encoding: str
    rate_hz: int
    data_offset: int
    data_bytes: int | None
    centre_hz: float | None = None
    start_utc: datetime | None = None


def read_wav_header(path: Path) -> WavHeader:
    """Return the header of the WAV at `path`.

    Raises
    ------
    Refusal
        iq.header for anything but two channels of 8, 16 or 24-bit integers or 32-bit floats.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in {b"RIFF", b"RF64"} or head[8:12] != b"WAVE":
            raise refusals.mislabelled("a WAV", f"{path.name}, which begins otherwise")
        return _walk(file, path.stat().st_size)


def _walk(file: BinaryIO, size: int) -> WavHeader:
    layout: tuple[str, int] | None = None
    long_bytes: int | None = None
    centre_hz: float | None = None
    start_utc: datetime | None = None
    for _ in range(_CHUNKS_AT_MOST):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        body = file.tell()
        if name == b"data":
            if layout is None:
                break
            return WavHeader(
                *layout, body, _data_bytes(length, long_bytes, size - body), centre_hz, start_utc
            )
        content = file.read(min(length, _MOST_HEADER_BYTES))
        if name == b"fmt ":
            layout = _layout(content)
        elif name == b"ds64" and len(content) >= 16:
            long_bytes = struct.unpack_from("<Q", content, 8)[0]
        elif name == b"auxi":
            centre_hz, start_utc = _auxiliary(content)
        file.seek(body + length + length % 2)
    raise refusals.header("a format and samples", "a WAV header without them")


def _data_bytes(length: int, long_bytes: int | None, there: int) -> int | None:
    promised = long_bytes if length == 0xFFFF_FFFF and long_bytes is not None else length
    return promised if 0 < promised < there else None


def _layout(content: bytes) -> tuple[str, int]:
    if len(content) < 16:
        raise refusals.header("a format chunk of 16 bytes", f"{len(content)} bytes")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", content)
    if tag == _EXTENSIBLE and len(content) >= 26:
        tag = struct.unpack_from("<H", content, 24)[0]
    if channels != 2:
        raise refusals.header("2 channels, I and Q", f"{channels} channels")
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None:
        raise refusals.header(
            "8, 16 or 24-bit integers or 32-bit floats", f"format {tag} with {bits} bits"
        )
    return encoding, rate_hz


def _auxiliary(content: bytes) -> tuple[float | None, datetime | None]:
    """Read SYSTEMTIME (8 words) start, SYSTEMTIME stop, then the centre frequency in Hz."""
    start_utc = None
    if len(content) >= 16:
        year, month, _, day, hour, minute, second, ms = struct.unpack_from("<8H", content)
        try:
            start_utc = datetime(year, month, day, hour, minute, second, ms * 1000, tzinfo=UTC)
        except ValueError:
            start_utc = None
    if len(content) < 36:
        return None, start_utc
    centre_hz = struct.unpack_from("<I", content, 32)[0]
    return float(centre_hz) if centre_hz else None, start_utc
