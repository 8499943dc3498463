"""Blobs: bytes named by their SHA-256, whole or not there, on the disk before anybody is told.

They live behind a URL: in a folder (`folder_blobs.py`) or a bucket (`bucket_blobs.py`). What is
kept is never changed, so that keeping the same bytes twice is keeping them once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from dsp.errors import Refusal
from loa.service.folder_blobs import FolderBlobs

if TYPE_CHECKING:
    from collections.abc import Iterator


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

        from loa.service.bucket_blobs import BucketBlobs

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
