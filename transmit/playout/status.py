"""`loa.status/1`: what was played where, when, for how long, and how it ended.

Two sources: what was rendered, which is what went out, and the endings of the timeline, for what
never began. Where a job's own sound did not come for its whole length, it was `partial`;
where its time went by and none of it was heard, `missed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from transmit.playout.local_time import utc_of
from transmit.playout.timeline import Ending, Job
from transmit.playout.zone_player import SAMPLES_PER_MS, Rendered

_OWN = ("item", "live")
_ENOUGH = 0.99  # of its length, less a fade
_HALF_MS = 0.5  # endings are whole milliseconds, pieces whole samples


@dataclass
class _Playing:
    """A job that has begun."""

    begun_ms: float
    samples: dict[str, int] = field(default_factory=dict)
    heard_to_ms: float = 0.0
    source: str = ""


class StatusBook:
    """Turns what a zone renders into records.

    Parameters
    ----------
    zone
        Its name.
    begin_ms
        What ended before is not told.
    """

    def __init__(self, zone: str, begin_ms: int) -> None:
        self._zone = zone
        self._told_to_ms = begin_ms
        self._playing: dict[str, _Playing] = {}
        self._present: Job | None = None

    def rendered(
        self, pieces: list[Rendered], endings: tuple[Ending, ...] = ()
    ) -> list[dict[str, Any]]:
        """Return the records that what was rendered gives rise to.

        What ended in mid-block, at the seam of two pieces, has ended and was not interrupted.
        """
        records = []
        for piece in pieces:
            records += self.ended(endings, piece.begin_ms + _HALF_MS)
            records += self._change_to(piece)
            if piece.job is not None:
                playing = self._playing[piece.job.id]
                playing.samples[piece.source] = playing.samples.get(piece.source, 0) + piece.samples
                playing.heard_to_ms = piece.begin_ms + piece.samples / SAMPLES_PER_MS
        return records

    def ended(self, endings: tuple[Ending, ...], now_ms: float) -> list[dict[str, Any]]:
        """Return the records of what has ended since the last call."""
        due = [one for one in endings if self._told_to_ms < one.at_ms <= now_ms]
        self._told_to_ms = max(self._told_to_ms, int(now_ms))
        return [self._ending(one) for one in due]

    def _ending(self, ending: Ending) -> dict[str, Any]:
        job = ending.job
        playing = self._playing.pop(job.id, None)
        outcome: str = ending.outcome
        if self._present is not None and self._present.id == job.id:
            self._present = None
        if outcome == "played" and playing is None:
            outcome = "missed"
        elif outcome == "played" and playing and not _is_whole(job, playing, ending.at_ms):
            outcome = "partial"
        return self._record(ending.at_ms, "ended", job, playing) | {"outcome": outcome}

    def _change_to(self, piece: Rendered) -> list[dict[str, Any]]:
        job, before = piece.job, self._present
        same = (None if job is None else job.id) == (None if before is None else before.id)
        if same:
            if job is None or self._playing[job.id].source == piece.source:
                return []
            self._playing[job.id].source = piece.source
            return [self._record(piece.begin_ms, "source", job, self._playing[job.id])]
        records = []
        self._present = job
        if before is not None and before.id in self._playing:
            cut = self._playing[before.id]
            records.append(self._record(piece.begin_ms, "interrupted", before, cut))
        if job is not None:
            event = "resumed" if job.id in self._playing else "began"
            playing = self._playing.setdefault(job.id, _Playing(piece.begin_ms))
            playing.source = piece.source
            records.append(self._record(piece.begin_ms, event, job, playing))
        return records

    def _record(
        self, at_ms: float, event: str, job: Job, playing: _Playing | None
    ) -> dict[str, Any]:
        sources = {} if playing is None else playing.samples
        seconds = {name: round(n / SAMPLES_PER_MS / 1000, 3) for name, n in sources.items()}
        return {
            "time": time_of(at_ms),
            "zone": self._zone,
            "event": event,
            "name": job.name,
            "playing": job.id,
            "priority": job.priority,
            "test": job.exercise,
            "source": None if playing is None else playing.source,
            "began": None if playing is None else time_of(playing.begun_ms),
            "played_s": round(sum(seconds.get(name, 0.0) for name in _OWN), 3),
            "seconds": seconds,
            "length_s": _length_ms(job) / 1000,
            "outcome": None,
        }


def time_of(moment_ms: float) -> str:
    """Return a moment as RFC 3339 in UTC, to the millisecond."""
    return utc_of(int(moment_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _length_ms(job: Job) -> int:
    return job.length_ms if job.live is None else job.until_ms - job.release_ms


def _is_whole(job: Job, playing: _Playing, at_ms: float) -> bool:
    own = sum(playing.samples.get(name, 0) for name in _OWN) / SAMPLES_PER_MS
    wanted = _length_ms(job) if job.live is None else at_ms - playing.begun_ms
    return own >= _ENOUGH * wanted
