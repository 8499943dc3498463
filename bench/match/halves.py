"""Two halves of the corpus: on one the rules of verdict are chosen, on the other they are judged.

A half has voices, texts and recordings of its own. The sentence patterns that synthetic voices read
are dealt out one to this half and one to that, so that no sentence of the held-out half has ever
been seen by whoever chose a limit. Human voices belong to one half as a whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

Half = Literal["tuning", "held out"]
HALVES: tuple[Half, ...] = get_args(Half)
_Item = TypeVar("_Item")


def own_half(items: Sequence[_Item], half: Half) -> list[_Item]:
    """Return every second of `items`: the first, third, … or the second, fourth, …."""
    return list(items[HALVES.index(half) :: 2])


def half_of(name: str) -> Half:
    """Return the half of a human voice: by its name, always the same."""
    return HALVES[zlib.crc32(name.encode()) % 2]
