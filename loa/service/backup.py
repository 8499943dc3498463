"""A copy of a service on SQLite and a folder, taken while it runs.

The rows first, then the blobs: every row of the copy finds its bytes, and a blob too many is swept
away later. DBOS' own tables are not copied: what they lack is queued again from the rows.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dsp.errors import Refusal
from loa.service.database import failures_refused
from loa.service.folder_blobs import FolderBlobs
from loa.service.settings import private_folder

if TYPE_CHECKING:
    from loa.service.room import Room

_DATABASE = "loa.sqlite"


def back_up(room: Room, folder: Path) -> tuple[int, int]:
    """Copy the service into `folder`, which is made; return the counts of blobs and their bytes.

    `loa serve --data FOLDER` then serves the copy.

    Raises
    ------
    Refusal
        "backup.exists" for a folder that holds something, "backup.elsewhere" for a service whose
        tables or blobs have tools of their own, "store.full".
    """
    if not (room.database.is_sqlite and isinstance(room.blobs, FolderBlobs)):
        raise Refusal(
            "backup.elsewhere",
            expected="tables in SQLite and blobs in a folder",
            got=f"{room.settings.database_url.partition(':')[0]}, "
            f"{room.settings.blobs_url.partition(':')[0]}",
            advice="pg_dump, and then the bucket's own copy, in this order",
        )
    if folder.exists() and any(folder.iterdir()):
        raise Refusal(
            "backup.exists", expected="an empty folder", got=str(folder), advice="a new name"
        )
    with failures_refused():
        private_folder(folder)
        _copy_rows(room, folder / _DATABASE)
        return _copy_blobs(room.blobs, private_folder(folder / "blobs"))


def _copy_rows(room: Room, target: Path) -> None:
    source = sa.make_url(room.database.url).database or ""
    with closing(sqlite3.connect(source)) as rows, closing(sqlite3.connect(target)) as copy:
        rows.backup(copy)
    _sync(target)


def _copy_blobs(blobs: FolderBlobs, target: Path) -> tuple[int, int]:
    count = size_bytes = 0
    for sha256 in blobs.digests(0.0):
        size = blobs.size(sha256)
        if size is None:  # deleted meanwhile, with the rows that were for it
            continue
        path = private_folder(target / sha256[:2]) / sha256
        with path.open("xb") as file:
            for piece in blobs.pieces(sha256, 0, size):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        count, size_bytes = count + 1, size_bytes + size
    return count, size_bytes


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
