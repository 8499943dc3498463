"""A recording is copied while its digest is taken: what is believed of it, the copy holds.

Whoever can write into the folder that it came from cannot exchange it in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from dsp.errors import Refusal
from transmit.atomic import failures_refused
from transmit.bulletin.content import Audio

MOST_AUDIO_BYTES = 256 << 20
_PIECE_BYTES = 1 << 20


def copy_signed(source: Path, target: Path, audio: Audio, *, final: Path | None = None) -> None:
    """Copy the file `source` to `target`, if it is the recording that was signed.

    `final` is what a refusal names in place of `target`.

    Raises
    ------
    Refusal
        "bulletin.digest" for any other recording, a folder, a pipe, a link or nothing at all; that
        of `failures_refused` where the copy cannot be written.
    """
    with failures_refused(final or target):
        copied = _copied(source, target, audio.size_bytes)
    if copied != (audio.sha256, audio.size_bytes):
        raise Refusal(
            "bulletin.digest",
            expected="the recording that was signed, by size and SHA-256",
            got=f"another in {source.name[:100]}",
            advice="the recording that was signed",
        )


def _copied(source: Path, target: Path, most_bytes: int) -> tuple[str, int]:
    """Copy a regular file of at most so many bytes; return its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    descriptor = -1
    with contextlib.suppress(OSError):
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if descriptor < 0 or most_bytes > MOST_AUDIO_BYTES:
        return "", 0
    with os.fdopen(descriptor, "rb") as file, target.open("wb") as copy:
        while size <= most_bytes and (piece := file.read(_PIECE_BYTES)):
            digest.update(piece)
            copy.write(piece)
            size += len(piece)
    return digest.hexdigest(), size
