"""The bytes of a recording, plain or compressed (.gz, .zst), read in pieces of any size.

Memory is bounded by the piece, whatever a file unpacks to. A stream that ends too early or breaks
off gives what it had; `fault` then says what happened.
"""

from __future__ import annotations

import contextlib
import gzip
import stat
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

from ingest.iq import refusals

if TYPE_CHECKING:
    from pathlib import Path

COMPRESSIONS = (".gz", ".zst")
_MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}


class _Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...

    def close(self) -> None: ...


class ByteStream:
    """A recording's bytes, once from the start."""

    def __init__(self, path: Path, *, offset: int = 0, length: int | None = None) -> None:
        """Open `path`; only `length` bytes from `offset` on of a plain file are read.

        Raises
        ------
        Refusal
            If there is no such regular file, or it is not compressed as its name says.
        """
        self.fault: str | None = None
        self._left = length
        self._file = _open_regular(path)
        self._stream: _Readable = self._file
        suffix = path.suffix.lower()
        if suffix in _MAGIC:
            head = self.peek(4)
            if head and not head.startswith(_MAGIC[suffix]):
                self._file.close()
                raise refusals.mislabelled(f"{suffix} data", f"{path.name}, which is not")
            self._stream = _unpacked(self._file, suffix)
        elif offset:
            self._file.seek(offset)

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end of the recording."""
        if self._left is not None:
            count = min(count, self._left)
        parts: list[bytes] = []
        wanted = count
        while wanted > 0 and self.fault is None:
            try:
                part = self._stream.read(wanted)
            except _broken_data() as error:
                self.fault = f"the compressed data end in the middle ({str(error)[:80]})"
                break
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        joined = b"".join(parts)
        if self._left is not None:
            self._left -= len(joined)
        return joined

    def peek(self, count: int) -> bytes:
        """Return the first bytes of a plain file that has not been read from yet."""
        head: bytes = self._file.peek(count)[:count]  # type: ignore[attr-defined]
        return head

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(Exception):
            self._stream.close()
        self._file.close()


def _open_regular(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise refusals.unreadable(str(path), "a folder, pipe or device")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise refusals.not_found(str(path)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise refusals.unreadable(str(path), why) from None


class _ZstdReader:
    """Frames of zstd, one after another; unlike the library's own reader it tells a cut one."""

    # A block of 3 bytes may stand for 128 kB: no more than 45 MB come out of one piece.
    _PIECE_BYTES = 1_024

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        # 128 MB of window at most: what a hostile header may make us reserve.
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._frame = self._unpacker.decompressobj()
        self._file = file
        self._begun = False
        self._ready = b""
        self._packed = b""

    def read(self, count: int) -> bytes:
        while not self._ready:
            piece = self._packed or self._file.read(self._PIECE_BYTES)
            self._packed = b""
            if not piece:
                if self._begun:
                    raise EOFError("a frame without its end")
                return b""
            self._begun = True
            self._ready = self._frame.decompress(piece)
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = self._unpacker.decompressobj()
                self._begun = False
        given, self._ready = self._ready[:count], self._ready[count:]
        return given

    def close(self) -> None:
        self._file.close()


def _unpacked(file: BinaryIO, suffix: str) -> _Readable:
    return gzip.GzipFile(fileobj=file) if suffix == ".gz" else _ZstdReader(file)


def _broken_data() -> tuple[type[Exception], ...]:
    import zstandard

    return (EOFError, zlib.error, gzip.BadGzipFile, ValueError, zstandard.ZstdError)
