"""Who plays when in one zone, by the three priorities of Circular 39/2020/TT-BTTTT.

*Emergency* plays at once, pre-empts everything, and what it interrupted goes on where it was.
*Priority* goes before everything normal that has not begun, and cuts into a relay, which does not
wait; of two, the commune's order decides. *Normal* plays where the commune put it, one after the
other, in the commune's order. A recording that has begun is not cut but by an emergency.

A pure function of the jobs: events, nothing kept. The same jobs give the same timeline after a
restart, and what comes later changes nothing that is past.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Literal

from transmit.bulletin.content import Priority

Outcome = Literal["played", "expired", "cancelled", "missed"]
NEVER_MS = 1 << 60


@dataclass(frozen=True)
class Part:
    """A recording, named as its keeper names it, and its length."""

    key: str
    length_ms: int


@dataclass(frozen=True)
class Job:
    """One thing to be played once in one zone.

    Attributes
    ----------
    id, name
        This playing of it, and the item or bulletin.
    parts
        Recordings, one after the other; none of a relay.
    live
        Where a relay comes from; it goes on while others play, and ends at `until_ms`.
    priority, exercise
        How urgent; a test never goes before the real.
    rank
        Place in the commune's order.
    release_ms, latest_ms, until_ms
        When it may begin, when it may begin no more, and when it must have ended, UTC.
    until
        What it means to be ended by `until_ms`.
    """

    id: str
    name: str
    parts: tuple[Part, ...]
    release_ms: int
    priority: Priority = "normal"
    exercise: bool = False
    live: str | None = None
    rank: int = 0
    latest_ms: int = NEVER_MS
    until_ms: int = NEVER_MS
    until: Outcome = "expired"

    @property
    def length_ms(self) -> int:
        """Length of its recordings."""
        return sum(part.length_ms for part in self.parts)


@dataclass(frozen=True)
class Segment:
    """A stretch of time and what plays in it, from `offset_ms` of the job on; None for nothing."""

    begin_ms: int
    end_ms: int
    job: Job | None
    offset_ms: int = 0


@dataclass(frozen=True)
class Ending:
    """How a job ended, and when."""

    job: Job
    at_ms: int
    outcome: Outcome


@dataclass(frozen=True)
class Timeline:
    """Segments without a gap between them, and the endings, in order."""

    segments: tuple[Segment, ...]
    endings: tuple[Ending, ...]

    def at(self, moment_ms: int) -> Segment | None:
        """Return the segment of a moment; None beyond the ends."""
        index = bisect.bisect_right(self.segments, moment_ms, key=lambda one: one.begin_ms) - 1
        if index < 0 or moment_ms >= self.segments[index].end_ms:
            return None
        return self.segments[index]


def lay_out(jobs: list[Job], begin_ms: int, end_ms: int) -> Timeline:
    """Return who plays when between two moments; jobs released before the first are left out."""
    return _Layout(jobs, begin_ms).run(end_ms)


class _Layout:
    """The walk from event to event."""

    def __init__(self, jobs: list[Job], begin_ms: int) -> None:
        coming = [job for job in jobs if job.release_ms >= begin_ms]
        self._coming = sorted(coming, key=lambda job: (job.release_ms, job.id), reverse=True)
        self._now = begin_ms
        self._open: list[Job] = []
        self._played: dict[str, int] = {}
        self._segments: list[Segment] = []
        self._endings: list[Ending] = []

    def run(self, end_ms: int) -> Timeline:
        while self._now < end_ms:
            while self._coming and self._coming[-1].release_ms <= self._now:
                self._open.append(self._coming.pop())
            self._close()
            chosen = min(self._open, key=self._urgency, default=None)
            stop = min(end_ms, *self._events(chosen), NEVER_MS)
            self._emit(chosen, stop)
            self._now = stop
        self._close()
        return Timeline(tuple(self._segments), tuple(self._endings))

    def _events(self, chosen: Job | None) -> list[int]:
        """Return the moments at which something may change; all are to come."""
        events = [job.until_ms for job in self._open]
        events += [job.latest_ms for job in self._open if job.id not in self._played]
        if self._coming:
            events.append(self._coming[-1].release_ms)
        if chosen is not None and chosen.live is None:
            events.append(self._now + chosen.length_ms - self._played.get(chosen.id, 0))
        # What was chosen begins now: that it may not begin later is no event.
        return [event for event in events if event > self._now]

    def _emit(self, chosen: Job | None, stop: int) -> None:
        offset = 0
        if chosen is not None:
            played = self._played.get(chosen.id, 0)
            offset = played if chosen.live is None else self._now - chosen.release_ms
            self._played[chosen.id] = played + stop - self._now
        last = self._segments[-1] if self._segments else None
        if last is not None and last.job is chosen:
            self._segments[-1] = Segment(last.begin_ms, stop, chosen, last.offset_ms)
        else:
            self._segments.append(Segment(self._now, stop, chosen, offset))

    def _close(self) -> None:
        """End what is over."""
        for job in list(self._open):
            outcome = self._outcome(job)
            if outcome is not None:
                self._open.remove(job)
                self._endings.append(Ending(job, self._now, outcome))

    def _outcome(self, job: Job) -> Outcome | None:
        played = self._played.get(job.id)
        if job.live is None and (played or 0) >= job.length_ms:
            return "played"
        if self._now >= job.until_ms:
            return "missed" if job.until == "played" and played is None else job.until
        if played is None and self._now >= job.latest_ms:
            return "missed"
        return None

    def _urgency(self, job: Job) -> tuple[int, ...]:
        begun = job.id in self._played
        after = (job.release_ms, *job.id.encode())
        if job.priority == "emergency":
            return (0, job.exercise, not begun, 0, *after)
        if begun and job.live is None:
            return (1, 0, 0, 0, *after)
        if job.priority == "priority":
            return (2, job.rank, not begun, 0, *after)
        return (3, not begun, job.rank, 0, *after)
