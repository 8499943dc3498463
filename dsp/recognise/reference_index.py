"""All references at once: add, remove, and ask where heard speech comes from.

    index = ReferenceIndex()
    index.add("bulletin-7", fingerprint(original, 8_000))
    for line in index.search(fingerprint(heard, 48_000)): …

References live in segments that never change. An addition is a small segment of its own; segments
of like size are merged, each reference a few times in all; a removal is a mark until then. Arrays
only: how they are kept on disk is the business of `ingest.reference.store`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import FRAMES_PER_SECOND, STEP
from dsp.recognise.line import Comparison, fit_many, follow
from dsp.recognise.lookup import before_postings, look_up
from dsp.recognise.reference_prints import ReferencePrints, keep_reference
from dsp.recognise.segment import Segment, build_segment, merge_segments

_FAN = 4  # segments of like size before they are merged
_SAME_LINE_FRAMES = 15
_FIRST_SPEEDS = (1.0, 0.99, 1.01)
_WORTH_FITTING = 0.7  # of the evidence asked for: the nearest of these speeds leaves more of it
_MOST_VERIFIED = 24  # lines compared in full for one question


@dataclass(frozen=True, slots=True)
class Line:
    """Heard speech that lies on a line of a reference.

    Parameters
    ----------
    reference
        Its id.
    offset_frames, speed
        Frame f of the stream is frame offset_frames + speed · f of the reference.
    comparison
        Errors and signs by second of the stream.
    """

    reference: str
    offset_frames: float
    speed: float
    comparison: Comparison

    @property
    def agreement(self) -> float:
        """0 for chance, 1 for the same."""
        return self.comparison.agreement()

    @property
    def evidence(self) -> float:
        """Standard deviations above chance."""
        return self.comparison.evidence()

    def offset_s(self, second: float) -> float:
        """Moment of the reference heard at `second` of the stream."""
        return self.offset_frames / FRAMES_PER_SECOND + self.speed * second


class ReferenceIndex:
    """See the module. Not for several threads at once."""

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self._segments: list[Segment] = []
        self._alive: list[npt.NDArray[np.bool_]] = []
        self._before: list[npt.NDArray[np.uint32]] = []
        self._where: dict[str, tuple[Segment, int]] = {}
        for segment in segments:
            self._take(segment)

    def __len__(self) -> int:
        """Number of references."""
        return len(self._where)

    def __contains__(self, reference: str) -> bool:
        """Tell whether there is such a reference."""
        return reference in self._where

    @property
    def ids(self) -> list[str]:
        """Ids of all references, sorted."""
        return sorted(self._where)

    @property
    def segments(self) -> list[tuple[Segment, npt.NDArray[np.bool_]]]:
        """Segments, and which of their references are alive."""
        return list(zip(self._segments, self._alive, strict=True))

    @property
    def memory_bytes(self) -> int:
        """Size of all arrays."""
        kept = sum(segment.memory_bytes for segment in self._segments)
        return kept + sum(before.nbytes for before in self._before)

    def add(self, reference: str, prints: Prints | ReferencePrints) -> None:
        """Add a reference.

        Raises
        ------
        ValueError
            If there is one of that id.
        """
        self.add_many([(reference, prints)])

    def add_many(self, references: Iterable[tuple[str, Prints | ReferencePrints]]) -> None:
        """Add references, all or none.

        Raises
        ------
        ValueError
            If an id is there already or comes twice.
        """
        kept = [
            (name, keep_reference(prints) if isinstance(prints, Prints) else prints)
            for name, prints in references
        ]
        names = [name for name, _ in kept]
        seen: set[str] = set()
        for name in names:
            if name in self._where or name in seen:
                raise ValueError(f"reference: expected a new id, got {name!r}, which is there")
            seen.add(name)
        if kept:
            self._take(build_segment(kept))
            self._tidy()

    def remove(self, reference: str) -> None:
        """Remove a reference.

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        segment, number = self._where.pop(reference)
        place = next(n for n, other in enumerate(self._segments) if other is segment)
        self._alive[place][number] = False
        if not self._alive[place].any():
            self._drop(place)

    def words_of(self, reference: str) -> npt.NDArray[np.uint32]:
        """Return the words of a reference, one in 60 ms.

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        segment, number = self._where[reference]
        return segment.words[segment.starts[number] : segment.starts[number + 1]]

    def levels_of(self, reference: str) -> npt.NDArray[np.uint8]:
        """Return the coded levels of a reference (`reference_prints.level_of`).

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        segment, number = self._where[reference]
        blocks = segment.block_starts()
        return segment.levels[blocks[number] : blocks[number + 1]]

    def search(
        self, prints: Prints, start: int | None = None, *, probes: int = 12, least: float = 6.0
    ) -> list[Line]:
        """Return the lines of references on which `prints` lie, most evidence first.

        Words from frame `start` of the stream on are looked up (from the first, if None), every
        third: no anchor is further than 20 ms from one. What is found is compared over all of
        `prints`. Lines with less than `least` evidence are left out.
        """
        begin = 0 if start is None else max(0, start - prints.first)
        frames = np.arange(begin, len(prints), STEP, dtype=np.int64)
        lines = []
        parts = zip(self._segments, self._before, self._alive, strict=True)
        for segment, before, alive in parts:
            found = look_up(segment, before, alive, prints, frames, probes=probes)
            lines += _lines(segment, prints, _likeliest(found), least)
        return sorted(lines, key=lambda line: -line.evidence)

    def restore(self, segment: Segment, removed: set[int]) -> None:
        """Take a segment as it was, with the numbers of the references removed from it."""
        self._take(segment, removed)

    def _take(self, segment: Segment, removed: Iterable[int] = ()) -> None:
        alive = np.ones(len(segment.ids), bool)
        alive[list(removed)] = False
        self._segments.append(segment)
        self._alive.append(alive)
        self._before.append(before_postings(segment))
        for number, name in enumerate(segment.ids):
            if alive[number]:
                self._where[name] = segment, number

    def _drop(self, place: int) -> None:
        del self._segments[place], self._alive[place], self._before[place]

    def _tidy(self) -> None:
        """Merge segments of like size while there are more than a few of them."""
        while True:
            classes: dict[int, list[int]] = {}
            for n, segment in enumerate(self._segments):
                classes.setdefault(len(segment.words).bit_length() // 2, []).append(n)
            crowded = [members for members in classes.values() if len(members) >= _FAN]
            if not crowded:
                return
            members = crowded[0]
            merged = merge_segments(
                [self._segments[n] for n in members], [self._alive[n] for n in members]
            )
            for n in reversed(members):
                self._drop(n)
            self._take(merged)


def _lines(
    segment: Segment, prints: Prints, pairs: list[tuple[int, float, float]], least: float
) -> list[Line]:
    """Return the lines through `pairs` that have at least so much evidence."""
    if not pairs:
        return []
    numbers, frames, reference_frames = (np.array(part) for part in zip(*pairs, strict=True))
    frames += prints.first
    bounds = np.stack([segment.starts[numbers], segment.starts[numbers + 1]], axis=1)
    words = segment.words
    first = fit_many(words, bounds, prints, frames, reference_frames, _FIRST_SPEEDS, (0,))
    worth = first.evidence >= _WORTH_FITTING * least
    numbers, bounds = numbers[worth], bounds[worth]
    fits = fit_many(words, bounds, prints, frames[worth], reference_frames[worth])
    lines = []
    for n in np.flatnonzero(fits.evidence >= least):
        offset, speed = float(fits.offsets[n]), float(fits.speeds[n])
        own = words[bounds[n, 0] : bounds[n, 1]]
        lines.append(
            Line(segment.ids[numbers[n]], offset, speed, follow(own, prints, offset, speed))
        )
    return lines


def _likeliest(found: npt.NDArray[np.int64]) -> list[tuple[int, float, float]]:
    """Return (reference, heard word, frame of the reference) of distinct lines, likeliest first."""
    if not len(found):
        return []
    share = (found[:, 3] + 20) / (found[:, 4] + 40)  # few signs are not much to go by
    distinct: list[tuple[int, float, float]] = []
    for row in found[np.argsort(share, kind="stable")]:
        number, frame, reference_frame = int(row[0]), float(row[2]), float(row[1] * STEP)
        if not any(
            number == other and abs(reference_frame - frame - (q - p)) < _SAME_LINE_FRAMES
            for other, p, q in distinct
        ):
            distinct.append((number, frame, reference_frame))
            if len(distinct) == _MOST_VERIFIED:
                break
    return distinct
