"""The sound of one zone: its timeline made audible, with a fallback for what does not come.

Live, recording, prepared, chime, silence: where a voice has no sample for now, the next one in the
chain takes over within the block, faded, and gives it back when the first is ready again. The
stream never has a gap, so nobody's receiver drops out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from transmit.playout.mixer import Mixer, Silence, Voice
from transmit.playout.timeline import Job, Segment, Timeline

SAMPLES_PER_MS = 48


class Shelf(Protocol):
    """Recordings by key, read anywhere."""

    def read(self, key: str, offset: int, count: int) -> Samples:
        """Return samples from `offset` on; fewer where the recording ends.

        Raises
        ------
        OSError, Refusal, KeyError
            What cannot be read now.
        """


class Relay(Voice, Protocol):
    """A live source: what has come of it."""

    @property
    def is_ready(self) -> bool:
        """Whether enough has come to turn to it."""


@dataclass(frozen=True)
class Rendered:
    """A stretch of sound and what it was: `source` is item, live, prepared, chime or silence."""

    begin_ms: float
    samples: int
    job: Job | None
    source: str


class ZonePlayer:
    """Renders one zone.

    Parameters
    ----------
    shelf
        Recordings.
    relays
        Live sources by name.
    prepared, chime
        Keys of the recordings to fall back to; None for none.
    mixer
        A new one.

    Attributes
    ----------
    timeline
        Who plays when; may be replaced between two calls of `render`.
    """

    def __init__(
        self,
        shelf: Shelf,
        relays: Mapping[str, Relay],
        mixer: Mixer,
        *,
        prepared: str | None = None,
        chime: str | None = None,
    ) -> None:
        self._shelf = shelf
        self._relays = relays
        self._mixer = mixer
        self._prepared = prepared
        self._chime = chime
        self._wanted: tuple[str, int] | None = None
        self._expected: int | None = None
        self._chain: list[tuple[str, Voice]] = [("silence", Silence())]
        self._link = 0
        self.timeline = Timeline((), ())

    def render(self, position: int, count: int) -> tuple[Samples, list[Rendered]]:
        """Return `count` samples from `position` on, and what they are.

        `position` counts samples at 48 kHz since 1970, UTC. Pieces may be of any length; a position
        that does not follow on the last is a turn to what plays there.
        """
        pieces: list[Samples] = []
        told: list[Rendered] = []
        end = position + count
        while position < end:
            segment = self.timeline.at(position // SAMPLES_PER_MS)
            stop = end if segment is None else min(end, segment.end_ms * SAMPLES_PER_MS)
            self._turn(segment, position)
            piece = self._mixer.process(stop - position)
            if len(piece):
                job = None if segment is None else segment.job
                begin_ms = position / SAMPLES_PER_MS
                told.append(Rendered(begin_ms, len(piece), job, self._chain[self._link][0]))
                pieces.append(piece)
            position += len(piece)
            if position < stop:
                self._go_to(self._link + 1)
            self._expected = position
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32), told

    def _turn(self, segment: Segment | None, position: int) -> None:
        """Turn to what the timeline wants, or back to it where it is ready again."""
        job = None if segment is None else segment.job
        wanted = None if job is None or segment is None else (job.id, segment.begin_ms)
        if wanted == self._wanted and self._expected in (None, position):
            first = self._chain[0][1]
            if self._link and isinstance(first, _LiveVoice) and first.is_ready:
                self._go_to(0)
            return
        self._wanted = wanted
        self._chain = [("silence", Silence())]
        if job is not None and segment is not None:
            offset = segment.offset_ms * SAMPLES_PER_MS
            offset += position - segment.begin_ms * SAMPLES_PER_MS
            self._chain = [self._first(job, offset), *self._fallbacks(), *self._chain]
        first = self._chain[0][1]
        waits = isinstance(first, _LiveVoice) and not first.is_ready
        self._go_to(1 if waits else 0)

    def _go_to(self, link: int) -> None:
        self._link = link
        self._mixer.turn_to(self._chain[link][1])

    def _first(self, job: Job, offset: int) -> tuple[str, Voice]:
        if job.live is not None:
            return "live", _LiveVoice(self._relays.get(job.live))
        return "item", RecordingVoice(self._shelf, job, offset)

    def _fallbacks(self) -> list[tuple[str, Voice]]:
        keys = (("prepared", self._prepared), ("chime", self._chime))
        return [(name, KeyVoice(self._shelf, key)) for name, key in keys if key is not None]


class RecordingVoice:
    """A job's recordings one after the other, from an offset on; zeros when they have ended."""

    def __init__(self, shelf: Shelf, job: Job, offset: int) -> None:
        self._shelf = shelf
        self._parts = [(part.key, part.length_ms * SAMPLES_PER_MS) for part in job.parts]
        self._offset = offset
        self._failed = False

    def read(self, count: int) -> Samples:
        """Return the next samples; fewer, and no more, where a recording fails."""
        pieces: list[Samples] = []
        offset, left = self._offset, 0 if self._failed else count
        for key, length in self._parts:
            take = min(left, length - offset)
            if take > 0:
                piece = _read(self._shelf, key, offset, take)
                pieces.append(piece)
                left -= len(piece)
                if len(piece) < take:
                    self._failed, left = True, 0
            offset = max(0, offset - length)
        if not self._failed:
            pieces.append(np.zeros(left, np.float32))
        found: Samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        self._offset += len(found)
        return found


class KeyVoice:
    """One recording to its end."""

    def __init__(self, shelf: Shelf, key: str) -> None:
        self._shelf = shelf
        self._key = key
        self._place = 0

    def read(self, count: int) -> Samples:
        """Return the next samples; none after the end."""
        found = _read(self._shelf, self._key, self._place, count)
        self._place += len(found)
        return found


class _LiveVoice:
    """A relay that may not be there."""

    def __init__(self, relay: Relay | None) -> None:
        self._relay = relay

    @property
    def is_ready(self) -> bool:
        return self._relay is not None and self._relay.is_ready

    def read(self, count: int) -> Samples:
        return np.zeros(0, np.float32) if self._relay is None else self._relay.read(count)


def _read(shelf: Shelf, key: str, offset: int, count: int) -> Samples:
    """Read a shelf on which something may be missing or broken: that is no samples."""
    try:
        return shelf.read(key, offset, count)
    except (OSError, Refusal, KeyError):
        return np.zeros(0, np.float32)
