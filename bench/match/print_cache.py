"""Prints of heard sounds, kept in the cache folder: a campaign compares them again in no time.

    prints = kept_prints("voice=… text=… FM 15 dB", make)

What is kept is named by the recipe of the sound and by the sources that make prints of it: a
changed filter is another file.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bench.match.sound_cache import cache_folder
from dsp.recognise import fingerprint as fingerprint_module
from dsp.recognise import grid, speech_bands
from dsp.recognise.fingerprint import Prints

_MADE_BY = (grid, speech_bands, fingerprint_module)


@functools.cache
def _sources() -> bytes:
    digest = hashlib.sha256()
    for module in _MADE_BY:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.digest()


def kept_prints(recipe: str, make: Callable[[], list[Prints]]) -> list[Prints]:
    """Return the prints of `recipe`, one for each of its sounds; `make` is called once for all."""
    name = hashlib.sha256(recipe.encode() + _sources()).hexdigest()[:32]
    path = cache_folder() / f"{name}.prints.npz"
    names = [field.name for field in fields(Prints) if field.name != "first"]
    if not path.exists():
        made = make()
        part = path.with_name(f".{name}.{os.getpid()}.npz")
        pieces = [*made, Prints.empty()]
        joined: dict[str, Any] = {
            n: np.concatenate([getattr(prints, n) for prints in pieces]) for n in names
        }
        np.savez(part, lengths=np.array([len(prints) for prints in made], np.int64), **joined)
        part.replace(path)
    with np.load(path) as kept:
        parts = {n: np.split(kept[n], np.cumsum(kept["lengths"])) for n in names}
        count = len(kept["lengths"])
    return [Prints(first=0, **{n: parts[n][i] for n in names}) for i in range(count)]
