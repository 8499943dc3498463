"""Payloads in the order of their places, however they came: decoders remember what was before.

Opus and G.722 predict from what they decoded last. A packet that was reordered or recovered is
therefore not decoded when it comes but when it is due: the queue gives payloads out by place, and
takes none that belongs before what was given out. Bounded: a sender that goes mad fills `most`
places and no more.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from ingest.rtp.decoders import PayloadDecoder


class Verdict(Enum):
    """What became of a payload that was offered; the values are names of counts."""

    TAKEN = ""
    LATE = "late"
    DOUBLE = "double"
    TOO_MANY = "rtp.too_many"


@dataclass(order=True, frozen=True, slots=True)
class Waiting:
    """A payload: the place of its first sample, how many it has, who decodes it."""

    place: int
    count: int
    payload: bytes = field(compare=False)
    decoder: PayloadDecoder = field(compare=False)


class PayloadQueue:
    """The queue.

    Parameters
    ----------
    most
        Payloads that wait.

    Attributes
    ----------
    given_to
        Place after the last payload that was given out.
    """

    def __init__(self, most: int = 2048) -> None:
        self._most = most
        self._heap: list[Waiting] = []
        self._places: set[int] = set()
        self.given_to: int | None = None

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._heap)

    def put(self, waiting: Waiting) -> Verdict:
        """Take a payload, or say why not."""
        if waiting.place in self._places:
            return Verdict.DOUBLE
        if self.given_to is not None and waiting.place < self.given_to:
            return Verdict.LATE
        if len(self._heap) >= self._most:
            return Verdict.TOO_MANY
        heapq.heappush(self._heap, waiting)
        self._places.add(waiting.place)
        return Verdict.TAKEN

    def until(self, place: int) -> Iterator[Waiting]:
        """Give out, in order, what begins before `place`."""
        while self._heap and self._heap[0].place < place:
            first = heapq.heappop(self._heap)
            self._places.discard(first.place)
            self.given_to = first.place + first.count
            yield first

    def forget_before(self, place: int) -> None:
        """Drop what ends before `place`, undecoded."""
        while self._heap and self._heap[0].place + self._heap[0].count <= place:
            self._places.discard(heapq.heappop(self._heap).place)

    def cut(self, place: int) -> None:
        """Drop what does not end before `place`: another source begins there."""
        self._heap = [one for one in self._heap if one.place + one.count <= place]
        heapq.heapify(self._heap)
        self._places = {one.place for one in self._heap}
