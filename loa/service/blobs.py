"""Blobs: bytes named by their SHA-256, whole or not there, on the disk before anybody is told.

`file://FOLDER` is ours: obstore's local store does not sync, and an acknowledged upload must
survive a power cut. `s3://BUCKET` goes through obstore; there a PUT that was answered is durable.
What is kept is never changed, so that keeping the same bytes twice is keeping them once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from dsp.errors import Refusal
from loa.service.database import failures_refused, store_busy
from loa.service.failpoints import failpoint
from loa.service.settings import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from obstore.store import ObjectStore

PIECE_BYTES = 1 << 20
_PART_AGE_S = 24 * 3600.0


class Blobs(Protocol):
    """Where blobs live."""

    parts: Path

    def keep(self, part: Path, sha256: str) -> None:
        """Take the file `part`, whose digest is `sha256`, for good; it is gone from its place."""

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, None where there is no such blob."""

    def pieces(self, sha256: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`."""

    @contextlib.contextmanager
    def local(self, sha256: str, suffix: str) -> Iterator[Path]:
        """Hold the blob as a file of this machine, named with `suffix`."""

    def delete(self, sha256: str) -> None:
        """Remove a blob; nothing happens where there is none."""

    def digests(self, older_than_s: float) -> Iterator[str]:
        """Yield the digest of every blob that was last kept so long ago."""


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


class FolderBlobs:
    """Blobs in a folder of this machine, or one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self.folder = private_folder(folder)
        self.parts = private_folder(folder / "parts")
        _drop_old_parts(self.parts)

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
            raise _gone(sha256) from error
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


class BucketBlobs:
    """Blobs in a bucket of an S3 server; `parts` is a folder of this machine."""

    def __init__(self, store: ObjectStore, parts: Path) -> None:
        self._store = store
        self.parts = private_folder(parts)
        _drop_old_parts(self.parts)

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
            raise _gone(sha256)
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


def open_blobs(url: str, parts: Path) -> Blobs:
    """Return the blobs behind `file://FOLDER` or `s3://BUCKET[/PREFIX]`.

    An S3 server that is not Amazon's, and the keys to it, come from the environment as usual
    (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION).
    """
    parsed = urlsplit(url)
    if parsed.scheme == "file":
        return FolderBlobs(Path(unquote(parsed.path)))
    if parsed.scheme == "s3":
        from obstore.store import from_url

        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        options = {"client_options": {"allow_http": True}} if plain else {}
        return BucketBlobs(from_url(url, **options), parts)  # type: ignore[call-overload]
    raise Refusal(
        "settings.value",
        expected="blobs: file://FOLDER or s3://BUCKET",
        got=url,
        advice="mending that value",
    )


def free_bytes(blobs: Blobs) -> int:
    """Return the room on the disk that uploads arrive on."""
    return shutil.disk_usage(blobs.parts).free


def _object(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


def _gone(sha256: str) -> Refusal:
    return Refusal(
        "blob.gone",
        expected=f"the bytes of {sha256[:12]}…",
        got="none: they were deleted",
        advice="submitting the file again",
    )


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


def _drop_old_parts(folder: Path) -> None:
    """Remove what a crash left behind; a part in use is younger than that."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _PART_AGE_S:
                path.unlink()


def _sync(path: Path) -> None:
    """Put `path` on the disk: the only place of the service where it asks for that itself."""
    failpoint("blob.sync")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
