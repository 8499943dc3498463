"""A part of the index that never changes: words of some references, and the table to find them.

    words     uint32 (w,)        all words, one reference after another
    starts    int64 (r + 1,)     where each reference begins in `words`
    levels    uint8              their levels, BLOCK words each; every reference begins a new block
    table     uint32 (2^b + 1,)  where the postings of each key begin
    postings  uint32 (p,)        places in `words` of the anchors, sorted by key

A key is the b highest bits of a word; b follows the number of anchors. Nothing here is checked
twice: `check` is for arrays that come from a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import kernel, ready
from dsp.kernel_types import Array, int64, uint32, void
from dsp.recognise.grid import KEY_BITS, WORD_BITS
from dsp.recognise.reference_prints import BLOCK, ReferencePrints

_U_IN = Array(uint32, 1, "C", readonly=True)
_U = Array(uint32, 1, "C")
_FEWEST_KEY_BITS = 8
MOST_WORDS = 2**32 - 1


@kernel(void(_U_IN, _U_IN, int64, _U, _U))
def sort_by_key(words: Any, places: Any, shift: Any, table: Any, postings: Any) -> None:
    """Sort `places` in `words` by key (the word shifted right by `shift`) into `postings`.

    `table` (keys + 1,) is zero and receives where the postings of each key begin.
    """
    for place in places:
        table[(words[place] >> np.uint32(shift)) + 1] += np.uint32(1)
    for key in range(1, table.shape[0]):
        table[key] += table[key - 1]
    for place in places:
        key = words[place] >> np.uint32(shift)
        postings[table[key]] = place
        table[key] += np.uint32(1)
    for key in range(table.shape[0] - 1, 0, -1):
        table[key] = table[key - 1]
    table[0] = np.uint32(0)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """See the module."""

    ids: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]
    table: npt.NDArray[np.uint32]
    postings: npt.NDArray[np.uint32]

    @property
    def key_bits(self) -> int:
        """Bits of a key."""
        return (len(self.table) - 1).bit_length() - 1

    @property
    def memory_bytes(self) -> int:
        """Size of the arrays."""
        arrays = (self.starts, self.words, self.levels, self.table, self.postings)
        return sum(array.nbytes for array in arrays)

    def block_starts(self) -> npt.NDArray[np.int64]:
        """Return where each reference begins in `levels`, (r + 1,)."""
        blocks = -(-np.diff(self.starts) // BLOCK)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(blocks)])

    def kept(self, number: int) -> ReferencePrints:
        """Return what is kept of reference `number`; arrays are views, anchors are gathered."""
        a, b = int(self.starts[number]), int(self.starts[number + 1])
        blocks = self.block_starts()
        inside = self.postings[(self.postings >= a) & (self.postings < b)]
        anchors = np.sort(inside) - np.uint32(a)
        return ReferencePrints(
            self.words[a:b], self.levels[blocks[number] : blocks[number + 1]], anchors
        )


def build_segment(references: list[tuple[str, ReferencePrints]]) -> Segment:
    """Return a segment of `references`.

    Raises
    ------
    ValueError
        If they have more words than a posting can name.
    """
    lengths = [len(kept.words) for _, kept in references]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64))])
    if starts[-1] > MOST_WORDS:
        raise ValueError(f"references: expected at most {MOST_WORDS} words, got {starts[-1]}")
    words = np.concatenate([kept.words for _, kept in references] or [np.zeros(0, np.uint32)])
    levels = np.concatenate([kept.levels for _, kept in references] or [np.zeros(0, np.uint8)])
    places = [
        kept.anchors + np.uint32(start)
        for (_, kept), start in zip(references, starts, strict=False)
    ]
    table, postings = _table(words, np.concatenate(places or [np.zeros(0, np.uint32)]))
    return Segment(tuple(name for name, _ in references), starts, words, levels, table, postings)


def merge_segments(segments: list[Segment], alive: list[npt.NDArray[np.bool_]]) -> Segment:
    """Return one segment with the references of `segments` that are `alive`."""
    ids: list[str] = []
    lengths: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)]
    words, levels, places = [], [], []
    base = 0
    for segment, living in zip(segments, alive, strict=True):
        length = np.diff(segment.starts)
        owner = np.repeat(living, length)
        shifted = base + np.cumsum(owner) - 1
        words.append(segment.words[owner])
        blocks = np.repeat(living, -(-length // BLOCK))
        levels.append(segment.levels[blocks])
        postings = np.sort(segment.postings)
        places.append(shifted[postings[owner[postings]]].astype(np.uint32))
        ids += [name for name, lives in zip(segment.ids, living, strict=True) if lives]
        lengths.append(length[living])
        base += int(length[living].sum())
    joined = np.concatenate(words)
    table, postings = _table(joined, np.concatenate(places))
    starts = np.cumsum(np.concatenate(lengths))
    return Segment(tuple(ids), starts, joined, np.concatenate(levels), table, postings)


def _table(
    words: npt.NDArray[np.uint32], places: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    ready(sort_by_key)
    bits = min(KEY_BITS, max(_FEWEST_KEY_BITS, len(places).bit_length()))
    table = np.zeros(2**bits + 1, np.uint32)
    postings = np.empty(len(places), np.uint32)
    sort_by_key(words, places, WORD_BITS - bits, table, postings)
    return table, postings


def check(segment: Segment) -> str | None:  # noqa: PLR0911 - one return for each thing wrong
    """Return what is inconsistent in arrays that come from a file, or None.

    After this no search can leave an array.
    """
    starts, table, postings = segment.starts, segment.table, segment.postings
    if len(starts) != len(segment.ids) + 1 or starts[0] != 0 or starts[-1] != len(segment.words):
        return "the places of its references do not fit its words"
    if np.any(np.diff(starts) < 0):
        return "a reference ends before it begins"
    if len(segment.levels) != segment.block_starts()[-1]:
        return "levels do not fit the references"
    bits = segment.key_bits
    if len(table) != 2**bits + 1 or not _FEWEST_KEY_BITS <= bits <= KEY_BITS:
        return "the table is of no known size"
    if table[0] != 0 or table[-1] != len(postings) or np.any(table[1:] < table[:-1]):
        return "the table does not fit its postings"
    if len(postings) and int(postings.max()) >= len(segment.words):
        return "a posting points beyond the words"
    return None
