"""Which container a file is, judged by its first bytes and never by its name.

The answer forces the demuxer: no library ever gets to guess, so a playlist, a concat script, an HLS
manifest or a page of text cannot make one open other files or addresses. Only the raw codings
without any header (.g722 .ulaw .alaw) are taken by their extension, and not where the content says
otherwise.
"""

from __future__ import annotations

import os

from ingest.decode import refusals
from ingest.decode.mpeg_frames import adts_frame, find_chain, mpeg_frame, skip_tags

RAW_SUFFIXES = {".g722": "g722", ".ulaw": "ulaw", ".alaw": "alaw"}

_W64_GUID = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_SEARCH_BYTES = 1 << 16
_TEXT_BYTES = frozenset(b"\t\n\r\f\x1b") | frozenset(range(0x20, 0x7F))
_STRANGERS = (
    (b"#EXTM3U", "a playlist; lists of other files or addresses are never followed"),
    (b"ffconcat", "a concat list; lists of other files or addresses are never followed"),
    (b"[playlist]", "a playlist; lists of other files or addresses are never followed"),
    (b"<", "a page of HTML or XML"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"\x30\x26\xb2\x75", "a Windows Media file"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (b"wvpk", "a WavPack file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)

# Quiet A-law is a run of "U" and "T", which are letters; words are made of more.
_FEWEST_LETTERS = 9


def sniff(descriptor: int, suffix: str) -> str:
    """Return the container of the file behind `descriptor`; `suffix` is lower case with its dot.

    Raises
    ------
    Refusal
        audio.empty or audio.not_audio.
    """
    size = os.fstat(descriptor).st_size
    if size == 0:
        raise refusals.empty("a file of 0 bytes")
    head = os.pread(descriptor, 4096, 0)
    container = _by_magic(head)
    if container is not None:
        return container
    if suffix in RAW_SUFFIXES:
        if _is_text(head) and len(set(head)) >= _FEWEST_LETTERS:
            raise refusals.not_audio(_describe(head))
        return RAW_SUFFIXES[suffix]
    return _mpeg_container(descriptor, size, head)


def _by_magic(head: bytes) -> str | None:
    kind, form = head[:4], head[8:12]
    if kind in {b"RIFF", b"RIFX"} and form == b"WAVE":
        return "wav"
    if kind in {b"RF64", b"BW64"} and form == b"WAVE":
        return "rf64"
    if head[:16] == _W64_GUID:
        return "w64"
    if kind == b"FORM" and form in {b"AIFF", b"AIFC"}:
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mp4"
    return {b"fLaC": "flac", b"OggS": "ogg"}.get(kind)


def _mpeg_container(descriptor: int, size: int, head: bytes) -> str:
    """Tell MP3 from ADTS by a chain of frames behind the tags."""
    start = skip_tags(descriptor, 0, size)
    window = os.pread(descriptor, _SEARCH_BYTES, start)
    if start and window[:4] == b"fLaC":
        return "flac"
    if start and not window.strip(b"\0"):
        raise refusals.empty("tags and no sound")
    if not _is_text(window[:4096]) and not window.startswith(tuple(s for s, _ in _STRANGERS)):
        starts = {"adts": find_chain(window, adts_frame), "mp3": find_chain(window, mpeg_frame)}
        found = [(offset, name) for name, offset in starts.items() if offset is not None]
        if found:
            return min(found)[1]
    raise refusals.not_audio(_describe(head))


def _is_text(head: bytes) -> bool:
    return all(byte in _TEXT_BYTES for byte in head)


def _describe(head: bytes) -> str:
    for magic, name in _STRANGERS:
        if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(magic):
            return name
    if _is_text(head):
        return "a text file"
    return f"a file that begins with the bytes {head[:8].hex(' ')}"
