"""Sounds that take long to make, kept in the user's cache folder under what they were made from.

    sound = kept_sound("voice=vi-north-m text=…", make)

16-bit FLAC under `$XDG_CACHE_HOME/loa/bench-match` (`~/.cache/loa/bench-match`), named by the hash
of the recipe: another recipe is another file, and nothing here is ever out of date. Whoever wants
the space back deletes the folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

Sound = npt.NDArray[np.float32]

_BLOCK = 1 << 16


def cache_folder() -> Path:
    """Folder of the bench's sounds; made if it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "loa" / "bench-match"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def path_of(recipe: str) -> Path:
    """Where the sound of `recipe` is kept, whether it is there or not."""
    name = hashlib.sha256(recipe.encode()).hexdigest()[:32]
    return cache_folder() / f"{name}.flac"


def kept_sound(recipe: str, make: Callable[[], tuple[Sound, int]]) -> tuple[Sound, int]:
    """Return the sound of `recipe` and its rate; `make` is called where it is not kept yet.

    Both the first and every later call return what the file holds, so that no run differs.
    """
    path = path_of(recipe)
    if not path.exists():
        sound, rate_hz = make()
        _write(path, sound, rate_hz)
    kept, rate_hz = sf.read(path, dtype="float32")
    return np.asarray(kept, np.float32), int(rate_hz)


def _write(path: Path, sound: Sound, rate_hz: int) -> None:
    """Write a file that appears whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with sf.SoundFile(part, "w", rate_hz, 1, subtype="PCM_16", format="FLAC") as file:
        for first in range(0, len(sound), _BLOCK):
            file.write(np.clip(sound[first : first + _BLOCK], -1.0, 1.0))
    part.replace(path)
