"""Blobs in a bucket of an S3 server, through obstore: a PUT that was answered is durable there."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from loa.service import problems
from loa.service.database import store_busy
from loa.service.part import PIECE_BYTES, Part, drop_old_parts
from loa.service.settings import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obstore.store import ObjectStore


class BucketBlobs:
    """Blobs in a bucket of an S3 server; `parts` is a folder of this machine."""

    def __init__(self, store: ObjectStore, parts: Path) -> None:
        self._store = store
        self.parts = private_folder(parts)
        drop_old_parts(self.parts)

    def keep(self, part: Path, sha256: str) -> None:
        """Upload; a bucket shows an object only when it is whole."""
        import obstore

        with _bucket_failures():
            obstore.put(self._store, _object(sha256), part)
        part.unlink()

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, None where there is no such blob."""
        import obstore

        try:
            with _bucket_failures():
                return int(obstore.head(self._store, _object(sha256))["size"])
        except FileNotFoundError:
            return None

    def pieces(self, sha256: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`."""
        import obstore

        while start < stop:
            end = min(start + PIECE_BYTES, stop)
            with _bucket_failures():
                piece = obstore.get_range(self._store, _object(sha256), start=start, end=end)
            yield bytes(piece)
            start = end

    @contextlib.contextmanager
    def local(self, sha256: str, suffix: str) -> Iterator[Path]:
        """Download the blob for a while, and check that it is what it is named."""
        size = self.size(sha256)
        if size is None:
            raise problems.blob_gone(sha256)
        part = Part(self.parts, suffix)
        try:
            for piece in self.pieces(sha256, 0, size):
                part.write(piece)
            if part.sha256 != sha256:
                raise store_busy("a blob from the bucket with another digest")
            yield part.path
        finally:
            part.close()

    def delete(self, sha256: str) -> None:
        """Remove a blob; nothing happens where there is none."""
        import obstore

        with contextlib.suppress(FileNotFoundError), _bucket_failures():
            obstore.delete(self._store, _object(sha256))

    def digests(self, older_than_s: float) -> Iterator[str]:
        """Yield the digest of every blob that was last kept so long ago."""
        import obstore

        for page in obstore.list(self._store, prefix="blobs"):
            for found in page:
                if time.time() - found["last_modified"].timestamp() >= older_than_s:
                    yield found["path"].rpartition("/")[2]


def _object(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


@contextlib.contextmanager
def _bucket_failures() -> Iterator[None]:
    """Turn what a bucket refuses, other than a missing object, into `store.busy`."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise
    except BaseError as error:
        raise store_busy(str(error).splitlines()[0][:200]) from error
