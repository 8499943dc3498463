"""Frame headers of MPEG audio: layers I to III (ISO/IEC 11172-3, 13818-3) and ADTS AAC (13818-7).

Neither format has a table of contents: a file is a chain of frames, each saying how long it is.
Walking the chain therefore shows what no decoder tells: that the last frame is cut off (an upload
that broke off ends within a frame 99 times in 100), that bytes are missing or overwritten (the
chain does not meet the next header), and that rate or channels change half way.

A frame's own payload carries no checksum: a bit changed in there leaves a valid file, and the
decoder plays it as it stands. Tags (ID3v1, ID3v2, APE, Lyrics3) may stand between frames, zeros
after the last.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.decode import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

# kbit/s by index 1..14 for (version 1, layer I), (1, II), (1, III), (2, I), (2, II and III).
_V1_L1 = (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_V1_L2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V1_L3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_L1 = (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_V2_L23 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ADTS_RATES_HZ = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_WINDOW_BYTES = 1 << 20
_HEADER_BYTES = 8


@dataclass(frozen=True)
class Frame:
    """What one frame header says; two frames of one stream share `rate_hz`, `mono` and `kind`."""

    kind: str
    length_bytes: int
    samples: int
    rate_hz: int
    mono: bool


@dataclass(frozen=True)
class Chain:
    """An unbroken chain of frames: where it begins and ends, how many, and the first."""

    start: int
    end: int
    frames: int
    first: Frame

    @property
    def duration_s(self) -> float:
        """Length by the headers, in seconds."""
        return self.frames * self.first.samples / self.first.rate_hz


def mpeg_frame(head: bytes) -> Frame | None:
    """Read a header of layers I to III, or None. Free format (no bit rate stated) is not taken."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or index in {0, 15} or rate_index == 3:
        return None
    rate_hz = _RATES_HZ[version][rate_index]
    if version == 3:
        kbps = (_V1_L1, _V1_L2, _V1_L3)[layer - 1][index - 1]
    else:
        kbps = (_V2_L1 if layer == 1 else _V2_L23)[index - 1]
    if layer == 1:
        length, samples = (12_000 * kbps // rate_hz + padding) * 4, 384
    else:
        samples = 576 if layer == 3 and version != 3 else 1152
        length = samples // 8 * 1000 * kbps // rate_hz + padding
    return Frame(f"mp{layer}", length, samples, rate_hz, head[3] >> 6 == 3)


def adts_frame(head: bytes) -> Frame | None:
    """Read an ADTS header (ISO/IEC 13818-7, 6.2), or None."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate_index = head[2] >> 2 & 15
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate_index >= len(_ADTS_RATES_HZ) or length < 7:
        return None
    channels = (head[2] & 1) << 2 | head[3] >> 6
    samples = 1024 * ((head[6] & 3) + 1)
    return Frame(f"aac{channels}", length, samples, _ADTS_RATES_HZ[rate_index], channels == 1)


def skip_tags(descriptor: int, start: int, size: int) -> int:
    """Return where the tags that begin at `start` end; `size` is that of the file."""
    while start < size:
        head = os.pread(descriptor, 32, start)
        if head[:3] == b"ID3" and len(head) >= 10:
            length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            start += 10 + length + (10 if head[5] & 0x10 else 0)
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            length = int.from_bytes(head[12:16], "little")
            is_header = head[23] & 0x20
            start += length + 32 if is_header else 32
        elif head[:3] == b"TAG" and size - start >= 128:
            start += 128
        elif head[:11] == b"LYRICSBEGIN":
            start = size
        else:
            break
    return min(start, size)


def find_chain(window: bytes, read: Callable[[bytes], Frame | None]) -> int | None:
    """Return the offset in `window` where four like frames follow one another, or None.

    At offset 0 fewer are enough where the window ends within or right behind them: a file of one
    frame, or of one that is cut off.
    """
    offset = window.find(b"\xff")
    while offset >= 0:
        position, first = offset, None
        for count in range(4):
            frame = read(window[position : position + _HEADER_BYTES])
            if frame is None or (first is not None and not _alike(first, frame)):
                break
            first = first or frame
            position += frame.length_bytes
            if count == 3 or (offset == 0 and position + _HEADER_BYTES > len(window)):
                return offset
        offset = window.find(b"\xff", offset + 1)
    return None


def walk(descriptor: int, start: int, size: int, read: Callable[[bytes], Frame | None]) -> Chain:
    """Follow the frames from `start` to the end of the file.

    Raises
    ------
    Refusal
        audio.truncated if the last frame is cut off, audio.damaged if the chain breaks or changes
        its rate or channels.
    """
    first = read(os.pread(descriptor, _HEADER_BYTES, start))
    if first is None:
        raise refusals.not_audio("no MPEG audio frame")
    # A stream uses a few hundred different headers: each is read once.
    known: dict[bytes, int] = {}
    position, frames, window, base = start, 0, b"", start
    while position < size:
        offset = position - base
        if offset + _HEADER_BYTES > len(window):
            window, base, offset = os.pread(descriptor, _WINDOW_BYTES, position), position, 0
        head = window[offset : offset + _HEADER_BYTES - 1]
        length = known.get(head)
        if length is None:
            frame = read(head)
            if frame is None or not _alike(first, frame):
                seconds = frames * first.samples / first.rate_hz
                _require_clean_break(descriptor, position, size, frame, seconds)
                skipped = skip_tags(descriptor, position, size)
                position = size if skipped == position else skipped
                continue
            length = known[head] = frame.length_bytes
            if len(known) > 4096:
                known.clear()
        if position + length > size:
            seconds = frames * first.samples / first.rate_hz
            raise refusals.truncated(
                "a last frame that is complete", f"{seconds:.3f} s and then the end of the file"
            )
        position += length
        frames += 1
    return Chain(start, position, frames, first)


def _alike(first: Frame, other: Frame) -> bool:
    return (first.kind, first.rate_hz, first.mono) == (other.kind, other.rate_hz, other.mono)


def _require_clean_break(
    descriptor: int, position: int, size: int, frame: Frame | None, seconds: float
) -> None:
    """Raise unless what stands at `position` is a tag or the zeros of a padded end."""
    if frame is not None:
        raise refusals.damaged(
            "one sample rate and channel count", f"a change of either after {seconds:.3f} s"
        )
    if skip_tags(descriptor, position, size) > position:
        return
    rest = size - position
    if not any(os.pread(descriptor, min(rest, _WINDOW_BYTES), position)):
        return
    if rest < _HEADER_BYTES:
        raise refusals.truncated(
            "a last frame that is complete", f"{seconds:.3f} s and then the end of the file"
        )
    raise refusals.damaged(
        "one frame right after the other", f"{rest} bytes after {seconds:.3f} s that are no frame"
    )


@dataclass(frozen=True)
class StreamTag:
    """What the silent first frame of an MP3 says about the rest (Xing, LAME or VBRI)."""

    frames: int | None
    length_bytes: int | None
    delay_samples: int
    padding_samples: int


def stream_tag(head: bytes, first: Frame) -> StreamTag | None:
    """Read the tag in the first frame (`head` begins with it), None where that is sound."""
    head = head[: first.length_bytes]
    if head[36:40] == b"VBRI":
        return StreamTag(_number(head, 50), _number(head, 46), 0, 0)
    # The tag stands behind the side information (ISO/IEC 11172-3, 2.4.1.7): 17 or 32 bytes, LSF 9
    # or 17.
    wide = first.samples == 1152
    start = 4 + ((17 if first.mono else 32) if wide else (9 if first.mono else 17))
    if first.kind != "mp3" or head[start : start + 4] not in {b"Xing", b"Info"}:
        return None
    flags = _number(head, start + 4)
    frames = _number(head, start + 8) if flags & 1 else None
    length = _number(head, start + 8 + 4 * (flags & 1)) if flags & 2 else None
    lame = start + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
    trims = head[lame + 21 : lame + 24]
    if len(trims) < 3 or not head[lame : lame + 4].isalnum():
        return StreamTag(frames, length, 0, 0)
    delay, padding = trims[0] << 4 | trims[1] >> 4, (trims[1] & 15) << 8 | trims[2]
    return StreamTag(frames, length, delay, padding)


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")
