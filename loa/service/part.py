"""Bytes on their way to a blob, in a file of this machine that is gone unless it is kept."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from loa.service.database import failures_refused

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

PIECE_BYTES = 1 << 20
_PART_AGE_S = 24 * 3600.0


class Part:
    """Bytes on their way to a blob: hashed as they come, gone unless kept."""

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self.path = folder / f"{secrets.token_hex(12)}{suffix}"
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        self._file: FileIO | None = None  # until the first bytes: who sends none costs no file

    @property
    def sha256(self) -> str:
        """Digest of what was written."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Append `piece`."""
        with failures_refused():
            if self._file is None:
                self._file = self.path.open("xb", buffering=0)
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]
        self._digest.update(piece)
        self.size_bytes += len(piece)

    def close(self) -> None:
        """Close the file and remove it where it was not kept."""
        if self._file is None:
            return
        self._file.close()
        self.path.unlink(missing_ok=True)


def drop_old_parts(folder: Path) -> None:
    """Remove what a crash left behind; a part in use is younger than that."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _PART_AGE_S:
                path.unlink()
