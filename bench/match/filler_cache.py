"""The made references, kept in the cache folder: making ten thousand takes a minute or more."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.match import filler
from bench.match.filler import PrintModel, references
from bench.match.sound_cache import cache_folder
from dsp.recognise import reference_prints
from dsp.recognise.fingerprint import Prints
from dsp.recognise.reference_prints import ReferencePrints

SECONDS = 300.0


def kept_references(
    real: Sequence[Prints], count: int, seed: int = 1
) -> list[tuple[str, ReferencePrints]]:
    """Return `count` references of five minutes modelled on `real`, the same every time."""
    digest = hashlib.sha256(f"{count} {seed}".encode())
    for module in (filler, reference_prints):
        digest.update(Path(str(module.__file__)).read_bytes())
    for prints in real:
        digest.update(prints.words.tobytes())
    path = cache_folder() / f"filler-{digest.hexdigest()[:24]}.npz"
    if not path.exists():
        made = [kept for _, kept in references(PrintModel(real, SECONDS), count, seed)]
        part = path.with_name(f".{path.name}.{os.getpid()}.npz")
        np.savez(
            part,
            words=np.stack([kept.words for kept in made]),
            levels=np.stack([kept.levels for kept in made]),
            anchors=np.concatenate([kept.anchors for kept in made]),
            counts=np.array([len(kept.anchors) for kept in made]),
        )
        part.replace(path)
    with np.load(path) as kept:
        words, levels = kept["words"], kept["levels"]
        anchors = np.split(kept["anchors"], np.cumsum(kept["counts"])[:-1])
    return [
        (f"filler-{seed}-{number}", ReferencePrints(*parts))
        for number, parts in enumerate(zip(words, levels, anchors, strict=True))
    ]
