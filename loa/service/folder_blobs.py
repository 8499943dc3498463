"""Blobs in a folder: synced, then renamed, so that what was acknowledged survives a power cut.

obstore's local store does not sync.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from typing import TYPE_CHECKING

from loa.service import problems
from loa.service.database import failures_refused
from loa.service.failpoints import failpoint
from loa.service.part import PIECE_BYTES, drop_old_parts
from loa.service.settings import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FolderBlobs:
    """Blobs in a folder of this machine, or one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self.folder = private_folder(folder)
        self.parts = private_folder(folder / "parts")
        drop_old_parts(self.parts)

    def keep(self, part: Path, sha256: str) -> None:
        """Sync, then rename: the blob is whole or not there."""
        final = self._path(sha256)
        with failures_refused():
            private_folder(final.parent)
            if final.exists():
                os.utime(final)  # a deletion that has just looked at it leaves it alone
                part.unlink()
            else:
                _sync(part)
                part.replace(final)
            # Also where it was there: whoever put it there may not have come to this yet.
            _sync(final.parent)
            _sync(self.folder)

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, None where there is no such blob."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def pieces(self, sha256: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`."""
        with self._path(sha256).open("rb", buffering=0) as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(PIECE_BYTES, stop - start))):
                start += len(piece)
                yield piece

    @contextlib.contextmanager
    def local(self, sha256: str, suffix: str) -> Iterator[Path]:
        """Give the blob a second name with the suffix that raw formats are told by."""
        name = self.parts / f"{secrets.token_hex(12)}{suffix}"
        try:
            with failures_refused():
                os.link(self._path(sha256), name)
        except FileNotFoundError as error:
            raise problems.blob_gone(sha256) from error
        try:
            yield name
        finally:
            name.unlink(missing_ok=True)

    def delete(self, sha256: str) -> None:
        """Remove a blob; nothing happens where there is none."""
        self._path(sha256).unlink(missing_ok=True)

    def digests(self, older_than_s: float) -> Iterator[str]:
        """Yield the digest of every blob that was last kept so long ago."""
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                if len(path.name) == 64 and time.time() - path.stat().st_mtime >= older_than_s:
                    yield path.name

    def _path(self, sha256: str) -> Path:
        assert len(sha256) == 64
        assert sha256.isalnum()
        return self.folder / sha256[:2] / sha256


def _sync(path: Path) -> None:
    """Put `path` on the disk: the only place of the service where it asks for that itself."""
    failpoint("blob.sync")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
