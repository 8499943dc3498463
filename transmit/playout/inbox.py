"""A watched folder: `*.bulletin.json` and the recordings they name, `SHA256` or `SHA256.wav`.

Recordings are put there first. What is taken disappears from the folder; what is refused is moved
to `refused/` with its reason in one line beside it. A recording that is not there yet is waited
for. Who writes here needs no rights but to write: what may be heard is decided by signatures.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dsp.errors import Refusal
from transmit.bulletin.content import Audio
from transmit.bulletin.envelope import MOST_BYTES
from transmit.playout.bulletin_store import BulletinStore
from transmit.playout.programme import Heard

SUFFIX = ".bulletin.json"
PATIENCE_S = 30.0
_MOST_AT_ONCE = 50
_OUR_DISK = 4


@dataclass(frozen=True)
class Taken:
    """What became of one file: the bulletin, or why not."""

    name: str
    heard: Heard | None
    refusal: Refusal | None


class Inbox:
    """Looks through the folder when it is told to; keeps no thread and no clock."""

    def __init__(self, folder: Path, store: BulletinStore, patience_s: float = PATIENCE_S) -> None:
        self._folder = folder
        self._store = store
        self._patience_s = patience_s
        self._waiting: dict[str, float] = {}

    def look(self, now_utc: Callable[[], datetime], monotonic_s: float) -> list[Taken]:
        """Take what is there, the oldest names first, and say what became of it.

        Raises
        ------
        Refusal
            Where our own disk fails (exit code 4): the file stays where it is.
        """
        names = sorted(
            entry.name
            for entry in os.scandir(self._folder)
            if entry.name.endswith(SUFFIX) and not entry.name.startswith(".")
        )
        self._waiting = {name: at for name, at in self._waiting.items() if name in names}
        told = [self._one(name, now_utc, monotonic_s) for name in names[:_MOST_AT_ONCE]]
        return [one for one in told if one is not None]

    def _one(self, name: str, now_utc: Callable[[], datetime], monotonic_s: float) -> Taken | None:
        path = self._folder / name
        try:
            heard = self._store.take(_read(path), self._find, now_utc)
        except Refusal as refusal:
            if refusal.exit_code == _OUR_DISK:
                raise
            waited_s = monotonic_s - self._waiting.setdefault(name, monotonic_s)
            if refusal.kind == "bulletin.audio_missing" and waited_s < self._patience_s:
                return None
            self._refuse(path, refusal)
            return Taken(name, None, refusal)
        path.unlink(missing_ok=True)
        self._drop_audio(heard)
        return Taken(name, heard, None)

    def _find(self, audio: Audio) -> Path | None:
        """Return the file of a recording: its digest, with or without a suffix."""
        plain = self._folder / audio.sha256
        found = (plain, *self._folder.glob(f"{audio.sha256}.*"))
        return next((path for path in found if path.is_file() and not path.is_symlink()), None)

    def _drop_audio(self, heard: Heard) -> None:
        for audio in heard.bulletin.audio:
            while (path := self._find(audio)) is not None:
                path.unlink(missing_ok=True)

    def _refuse(self, path: Path, refusal: Refusal) -> None:
        self._waiting.pop(path.name, None)
        folder = self._folder / "refused"
        folder.mkdir(exist_ok=True)
        name, number = path.name, 1
        while (folder / name).exists() or (folder / name).is_symlink():
            name, number = f"{path.name}.{number}", number + 1
        with contextlib.suppress(FileNotFoundError):  # whoever sent it took it back
            path.rename(folder / name)
        reason = " ".join(str(refusal).split())
        plain = "".join(mark if mark.isprintable() else "?" for mark in reason)
        (folder / f"{name}.reason").write_text(plain[:500] + "\n", encoding="utf-8")


def _read(path: Path) -> bytes:
    """Read a small regular file; what is none reads as nothing, and is refused as that."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return os.read(descriptor, MOST_BYTES + 1)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
