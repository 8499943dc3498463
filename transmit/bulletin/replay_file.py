"""The anti-replay memory on a disk: written beside, synced, renamed; and what became of it.

A witness, best on another disk or partition, holds the last generation. A memory that is older than
its witness was put back (a restored backup, a cloned card, an attacker): it is not trusted, and
neither is one that is broken or gone while the witness is there. What cannot be seen from here: an
attacker who puts back both. Against that only a counter in hardware helps, or asking somebody else,
which is what an untrusted memory does: a fresh nonce for every emergency (`challenge`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from transmit.atomic import OutputSet
from transmit.bulletin.anti_replay import ReplayMemory

State = Literal["new", "good", "rolled_back", "lost", "broken"]
_MOST_BYTES = 64 << 20


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
        What was found: "new" where neither file was there.
    """

    def __init__(self, path: Path, witness: Path | None = None) -> None:
        self._path = path
        self._witness = witness
        self.memory = ReplayMemory()
        self.state: State = self._load()

    @property
    def is_trusted(self) -> bool:
        """Whether nothing speaks against it."""
        return self.state in ("new", "good")

    def save(self) -> None:
        """Keep it: when this returns it survives a power cut.

        Raises
        ------
        Refusal
            If the disk does not take it (exit code 4): nothing may then be played of it.
        """
        self.memory.generation += 1
        _write(self._path, self.memory.to_bytes())
        # After the memory: a cut in between leaves a witness that is behind, which is harmless.
        if self._witness is not None:
            _write(self._witness, f"{self.memory.generation}\n".encode())

    def trust_again(self) -> None:
        """Take the memory as it is: the decision of a person who knows what happened."""
        self.memory.generation = max(self.memory.generation, self._witnessed() or 0)
        self.state = "good"
        self.save()

    def _load(self) -> State:
        witnessed = self._witnessed()
        try:
            self.memory = ReplayMemory.from_bytes(_read(self._path))
        except FileNotFoundError:
            return "new" if witnessed is None else "lost"
        except (OSError, ValueError):
            return "broken"
        if witnessed is not None and witnessed > self.memory.generation:
            return "rolled_back"
        return "good"

    def _witnessed(self) -> int | None:
        """Return the generation that the witness saw; an unreadable witness saw everything."""
        if self._witness is None:
            return None
        try:
            return int(_read(self._witness))
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


def _write(path: Path, content: bytes) -> None:
    with OutputSet([path]) as output:
        output.part(path).write_bytes(content)
        output.commit()
