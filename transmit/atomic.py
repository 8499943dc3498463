"""Files that appear whole or not at all: written beside their place, synced, then renamed.

An `OutputSet` reserves every output of one call first, which finds a missing folder or a full disk
before any work is done, and puts them all in place together at the end. If that fails half way,
what was there before comes back. A reader of the folder sees names that begin with a dot until
then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dsp.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType


class OutputSet:
    """The outputs of one call; a context manager that leaves nothing behind unless committed.

    Parameters
    ----------
    finals
        Where the outputs belong.

    Raises
    ------
    Refusal
        If an output cannot be made there; nothing is left behind then.
    """

    def __init__(self, finals: Sequence[Path]) -> None:
        self._parts: dict[Path, Path] = {}
        try:
            for final in finals:
                self._parts[final] = _reserve(final)
        except BaseException:
            self.discard()
            raise

    def part(self, final: Path) -> Path:
        """Return the path to write to until `final` appears."""
        return self._parts[final]

    def commit(self) -> None:
        """Sync all parts and put them in place.

        Raises
        ------
        Refusal
            If the disk fails; every output is then as it was before this call.
        """
        placed: dict[Path, Path | None] = {}
        try:
            for final, part in self._parts.items():
                with failures_refused(final):
                    _sync(part)
            for final, part in self._parts.items():
                with failures_refused(final):
                    kept = _keep(final)
                    placed[final] = kept
                    part.replace(final)
        except BaseException:
            for final, kept in placed.items():
                _put_back(final, kept, moved=not self._parts[final].exists())
            raise
        for final, kept in placed.items():
            if kept is not None:
                kept.unlink()
            with contextlib.suppress(OSError):  # some network folders cannot be synced
                _sync(final.parent)
        self._parts.clear()

    def discard(self) -> None:
        """Remove what was written."""
        for part in self._parts.values():
            part.unlink(missing_ok=True)
        self._parts.clear()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        self.discard()


@contextlib.contextmanager
def failures_refused(final: Path) -> Iterator[None]:
    """Turn an OSError about `final` into a Refusal with exit code 4 and a line of advice."""
    try:
        yield
    except OSError as error:
        raise write_refused(final, error) from error


def write_refused(final: Path, error: OSError) -> Refusal:
    """Return the refusal for an `error` while writing `final`."""
    kind, advice = {
        errno.ENOENT: ("output.folder", f"mkdir -p {final.parent}"),
        errno.ENOTDIR: ("output.folder", "another folder"),
        errno.EISDIR: ("output.folder", "the name of a file, not of a folder"),
        errno.EACCES: ("output.permission", "a folder that this user may write to"),
        errno.EPERM: ("output.permission", "a folder that this user may write to"),
        errno.EROFS: ("output.permission", "a folder on a disk that can be written"),
        errno.ENOSPC: ("output.disk_full", "freeing disk space, or another disk"),
        errno.EDQUOT: ("output.disk_full", "freeing disk space, or another disk"),
        errno.EFBIG: ("output.disk_full", "another disk, or a smaller codec"),
    }.get(error.errno or 0, ("output.write", "another folder or disk"))
    return Refusal(
        kind,
        expected=f"to write {final}",
        got=(error.strerror or str(error)).lower(),
        advice=advice,
        exit_code=4,
    )


def _reserve(final: Path) -> Path:
    """Create an empty file beside `final` with the rights a new file gets here."""
    # The extension stays last: raw formats are told by it when the part is proved.
    part = final.with_name(f".{final.stem[:100]}.{secrets.token_hex(4)}.part{final.suffix}")
    with failures_refused(final):
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder of that name")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    return part


def _keep(final: Path) -> Path | None:
    """Give what stands at `final` a second name until all outputs are in place."""
    if not final.exists():
        return None
    kept = final.with_name(f".{final.name[:100]}.{secrets.token_hex(4)}.kept")
    os.link(final, kept)
    return kept


def _put_back(final: Path, kept: Path | None, *, moved: bool) -> None:
    if kept is not None:
        kept.replace(final)
    elif moved:
        final.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
