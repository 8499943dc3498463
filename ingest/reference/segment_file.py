"""One segment of the index as one file: written once, checked whole when it is opened, mapped.

    8 bytes   LOAINDEX
    8 bytes   length of the header, little-endian
    header    JSON: version, ids, and type, length and place of each array
    arrays    each at a multiple of 64 bytes
    32 bytes  SHA-256 of everything before

A file that ends early, has a bit changed or belongs to another version is refused before a single
array is used, and a consistent lie is found by `dsp.recognise.segment.check`.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from dsp.errors import Refusal
from dsp.recognise.grid import FILTERS, KEY_BITS, STEP
from dsp.recognise.segment import Segment, check

MAGIC = b"LOAINDEX"
VERSION = 2  # of the form and of the words: others, and an index is made again
# Words of other filters cannot be compared: what made them belongs to the version.
WORDS = hashlib.sha256(repr((1, FILTERS, STEP, KEY_BITS)).encode()).hexdigest()[:16]
_DTYPES: dict[str, np.dtype[Any]] = {
    "starts": np.dtype("<i8"),
    "words": np.dtype("<u4"),
    "levels": np.dtype("u1"),
    "table": np.dtype("<u4"),
    "postings": np.dtype("<u4"),
}
_ALIGN = 64
_DIGEST = 32
_LONGEST_HEADER = 64 << 20
_PIECE = 1 << 22
AGAIN = "`loa index add` with the audio files into a new folder"


def write_segment(path: Path, segment: Segment) -> None:
    """Write a segment to `path`, which is new, and see it safe on the disk."""
    arrays: dict[str, dict[str, int]] = {}
    place = 0
    for name in _DTYPES:
        array = getattr(segment, name)
        arrays[name] = {"count": len(array), "at": place}
        place += -(-array.nbytes // _ALIGN) * _ALIGN
    head: dict[str, Any] = {
        "version": VERSION,
        "words": WORDS,
        "ids": segment.ids,
        "arrays": arrays,
    }
    header = json.dumps(head, ensure_ascii=False).encode()
    header += b" " * (-(len(header) + 16) % _ALIGN)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in (MAGIC, len(header).to_bytes(8, "little"), header):
            digest.update(part)
            file.write(part)
        for name, dtype in _DTYPES.items():
            data = np.ascontiguousarray(getattr(segment, name), dtype).tobytes()
            data += b"\0" * (-len(data) % _ALIGN)
            digest.update(data)
            file.write(data)
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())


def read_segment(path: Path) -> Segment:
    """Map a segment; nothing of it is trusted before all of it was checked.

    Raises
    ------
    Refusal
        "index.truncated", "index.damaged", "index.version".
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < 16 + _DIGEST:
            raise truncated(path, f"{size} bytes")
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    digest = hashlib.sha256()
    for at in range(0, size - _DIGEST, _PIECE):
        digest.update(view[at : min(at + _PIECE, size - _DIGEST)])
    if view[:8] != MAGIC:
        raise damaged(path, "a file of another kind")
    if digest.digest() != view[size - _DIGEST :]:
        raise damaged(path, "a checksum that does not fit: it ends early or was changed")
    header = _header(path, view, size)
    return _mapped(path, view, size, header)


def _header(path: Path, view: memoryview, size: int) -> dict[str, Any]:
    length = int.from_bytes(view[8:16], "little")
    if length > min(_LONGEST_HEADER, size - 16 - _DIGEST):
        raise damaged(path, "a header longer than the file")
    try:
        header = json.loads(bytes(view[16 : 16 + length]))
    except ValueError:
        raise damaged(path, "a header that cannot be read") from None
    if not isinstance(header, dict) or header.get("version") != VERSION:
        version = header.get("version") if isinstance(header, dict) else None
        raise other_version(path, f"version {version!r}")
    if header.get("words") != WORDS:
        raise other_version(path, "words made with other filters")
    header["at"] = 16 + length
    return header


def _mapped(path: Path, view: memoryview, size: int, header: dict[str, Any]) -> Segment:
    ids, arrays = header.get("ids"), header.get("arrays")
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        raise damaged(path, "ids that are no names")
    if not isinstance(arrays, dict) or set(arrays) != set(_DTYPES):
        raise damaged(path, "arrays of other names")
    parts: dict[str, Any] = {}
    for name, dtype in _DTYPES.items():
        entry = arrays[name]
        count, at = (entry.get(key) if isinstance(entry, dict) else None for key in ("count", "at"))
        if not isinstance(count, int) or not isinstance(at, int) or min(count, at) < 0:
            raise damaged(path, f"no place for {name}")
        start = header["at"] + at
        if start % dtype.itemsize or start + count * dtype.itemsize > size - _DIGEST:
            raise damaged(path, f"{name} beyond the end of the file")
        parts[name] = np.frombuffer(view, dtype=dtype, count=count, offset=start)
    segment = Segment(tuple(ids), **parts)
    wrong = check(segment)
    if wrong is not None:
        raise damaged(path, wrong)
    return segment


def truncated(path: Path, got: str) -> Refusal:
    """Refuse a file that ends early."""
    return Refusal("index.truncated", expected=f"a whole file {path}", got=got, advice=AGAIN)


def damaged(path: Path, got: str) -> Refusal:
    """Refuse a file that is not as it was written."""
    return Refusal("index.damaged", expected=f"{path} as it was written", got=got, advice=AGAIN)


def other_version(path: Path, got: str) -> Refusal:
    """Refuse what another version of Loa wrote."""
    return Refusal(
        "index.version",
        expected=f"an index of version {VERSION} with the words of this Loa",
        got=f"{got} in {path}",
        advice=AGAIN,
    )
