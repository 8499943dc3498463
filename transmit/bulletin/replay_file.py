"""The anti-replay memory on a disk: a journal, one synced line a change; and what became of it.

Each line is the whole memory, and the last whole one holds, so that keeping it costs one sync: an
emergency waits for it. A line that a power cut tore was never acknowledged. The journal is written
anew, beside and renamed, when it is opened for a device's life (`compact`) or grows long.

A witness, best on another disk or partition, holds the last generation. A memory that is older than
its witness was put back (a restored backup, a cloned card, an attacker): it is not trusted, and
neither is one that is broken or gone while the witness is there. What cannot be seen from here: an
attacker who puts back both. Against that only a counter in hardware helps, or asking somebody else,
which is what an untrusted memory does: a fresh nonce for every emergency (`challenge`).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal

from transmit.atomic import OutputSet, failures_refused
from transmit.bulletin.anti_replay import ReplayMemory

State = Literal["new", "good", "rolled_back", "lost", "broken", "doubted"]
_MOST_BYTES = 64 << 20
_LONG_BYTES = 1 << 20
_DIGITS = 20


class ReplayFile:
    """A `ReplayMemory` that outlives the process.

    Parameters
    ----------
    path, witness
        Where it lies, and where its generation is written a second time; None for no witness.

    Attributes
    ----------
    memory
        What is remembered.
    state
        What was found: "new" where neither file was there, "doubted" where it goes on after one
        that was not trusted: only a person ends that (`trust_again`).
    """

    def __init__(self, path: Path, witness: Path | None = None) -> None:
        self._path = path
        self._witness = witness
        self._length = 0  # of the journal, up to its last whole line; 0: to be written anew
        self._witness_length = 0
        self.memory = ReplayMemory()
        self.state: State = self._load()

    @property
    def is_trusted(self) -> bool:
        """Whether nothing speaks against it."""
        return self.state in ("new", "good")

    def save(self, *, witness: bool = True) -> None:
        """Keep it: when this returns it survives a power cut.

        Parameters
        ----------
        witness
            False leaves the witness behind, for a moment when nobody waits (`bear_witness`).

        Raises
        ------
        Refusal
            If the disk does not take it (exit code 4): nothing may then be played of it.
        """
        self.memory.generation += 1
        self.memory.is_doubted = not self.is_trusted
        content = self.memory.to_bytes()
        most_bytes = max(_LONG_BYTES, 4 * len(content))
        if self._length == 0 or self._length + len(content) > most_bytes:
            self._rewrite(content)
        else:
            with failures_refused(self._path):
                self._append(content)
        # After the memory: a cut in between leaves a witness that is behind, which is harmless.
        if witness:
            self.bear_witness()

    def bear_witness(self) -> None:
        """Write the present generation a second time."""
        if self._witness is None:
            return
        content = f"{self.memory.generation:0{_DIGITS}d}\n".encode()
        if self._witness_length != len(content):
            with OutputSet([self._witness]) as output:
                output.part(self._witness).write_bytes(content)
                output.commit()
            self._witness_length = len(content)
        else:  # twenty digits in one sector: old or new, never half
            with failures_refused(self._witness):
                _put(self._witness, content, os.O_WRONLY)

    def compact(self) -> None:
        """Write the journal as one line, so that the changes to come cost one sync each."""
        if self.is_trusted:
            self._rewrite(self.memory.to_bytes())

    def trust_again(self) -> None:
        """Take the memory as it is: the decision of a person who knows what happened."""
        self.memory.generation = max(self.memory.generation, self._witnessed() or 0)
        self._length = 0
        self.state = "good"
        self.save()

    def _load(self) -> State:
        witnessed = self._witnessed()
        try:
            content = _read(self._path)
            self.memory, self._length = _last_of(content)
        except FileNotFoundError:
            return "new" if witnessed is None else "lost"
        except (OSError, ValueError):
            return "broken"
        if self.memory.is_doubted:
            return "doubted"
        if witnessed is not None and witnessed > self.memory.generation:
            return "rolled_back"
        return "good"

    def _rewrite(self, content: bytes) -> None:
        with OutputSet([self._path]) as output:
            output.part(self._path).write_bytes(content)
            output.commit()
        self._length = len(content)

    def _append(self, content: bytes) -> None:
        """Write a line after the last whole one, over what a power cut left of another."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_size < self._length:  # another file than we knew
                self._rewrite(content)
                return
            os.ftruncate(descriptor, self._length)
            if os.pwrite(descriptor, content, self._length) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._length += len(content)

    def _witnessed(self) -> int | None:
        """Return the generation that the witness saw; an unreadable witness saw everything."""
        if self._witness is None:
            return None
        try:
            content = _read(self._witness)
            self._witness_length = len(content)
            return int(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return 1 << 62


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("content: expected a small file, got a large one")
    return content


def _put(path: Path, content: bytes, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.pwrite(descriptor, content, 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _last_of(content: bytes) -> tuple[ReplayMemory, int]:
    """Return the memory of the last line, or of the one before a torn one; and where it ends."""
    if content.startswith(b"{\n"):  # as versions before the journal wrote it
        return ReplayMemory.from_bytes(content), 0
    whole = content.rfind(b"\n") + 1
    begin = content.rfind(b"\n", 0, max(0, whole - 1)) + 1
    try:
        return ReplayMemory.from_bytes(content[begin:whole]), whole
    except ValueError:  # as long as before, but not all of its sectors are there
        before = content.rfind(b"\n", 0, max(0, begin - 1)) + 1
        return ReplayMemory.from_bytes(content[before:begin]), begin
