"""Schedule and accepted bulletins as the timeline of a zone: what plays there, at any moment.

`what_plays` is a pure function of what is kept on the disk (schedule, lengths of recordings,
accepted bulletins with the time of their acceptance, the first sight of `now` items) and of the
clock. No progress is kept, so there is none to lose: after a power cut the playout is where the
clock says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal

from transmit.bulletin.content import PRIORITIES, Bulletin
from transmit.playout.local_time import local_days, moment_ms, ms_of, utc_of
from transmit.playout.schedule import Item, Schedule
from transmit.playout.timeline import NEVER_MS, Job, Outcome, Part, Segment, Timeline, lay_out

DAY_MS = 86_400_000
_MINUTE_MS = 60_000
READY_MS = 200  # from the acceptance to the first sample: what plays must know of it before
_MIDNIGHT = time(0)
_NEVER: tuple[int, Outcome] = (NEVER_MS, "expired")


@dataclass(frozen=True)
class Heard:
    """A bulletin that was accepted, when, and its recordings."""

    bulletin: Bulletin
    accepted_ms: int
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """ISSUER/ID, as the schedule names it."""
        return f"{self.bulletin.issuer}/{self.bulletin.id}"


@dataclass(frozen=True)
class Inputs:
    """All that decides what plays.

    Attributes
    ----------
    schedule
        The commune's.
    lengths_ms
        Of every recording that the schedule names.
    heard
        Accepted bulletins.
    begun_ms
        When items that play `now` were first read.
    """

    schedule: Schedule
    lengths_ms: Mapping[str, int]
    heard: tuple[Heard, ...] = ()
    begun_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Clash:
    """Two playings that want the same loudspeaker at the same time.

    Attributes
    ----------
    resolved
        `priority`: the more urgent goes first. `order`: the commune's order says who. `undecided`:
        neither does, and the earlier goes first.
    """

    loudspeaker: str
    first: str
    second: str
    at_ms: int
    overlap_ms: int
    resolved: Literal["priority", "order", "undecided"]


def what_plays(inputs: Inputs, zone: str, now_ms: int) -> Segment:
    """Return what `zone` plays at a moment, and where in it."""
    found = timeline(inputs, zone, now_ms, now_ms + 1).at(now_ms)
    assert found is not None
    return found


def timeline(inputs: Inputs, zone: str, now_ms: int, until_ms: int) -> Timeline:
    """Return the timeline of `zone` from two local midnights before now on."""
    clock = inputs.schedule.clock
    day = (utc_of(now_ms) - timedelta(days=2)).astimezone(clock).date()
    begin_ms = moment_ms(day, _MIDNIGHT, clock)
    return lay_out(jobs(inputs, zone, begin_ms, until_ms), begin_ms, until_ms)


def jobs(inputs: Inputs, zone: str, begin_ms: int, end_ms: int) -> list[Job]:
    """Return all that may play in `zone`, released between two moments."""
    schedule = inputs.schedule
    heard = [one for one in inputs.heard if one.bulletin.addresses(schedule.commune, zone)]
    found = [
        job
        for item in schedule.item
        if not item.zones or zone in item.zones
        for job in _item_jobs(inputs, item, heard, (begin_ms, end_ms))
    ]
    placed = {item.bulletin for item in schedule.item}
    found += [
        _bulletin_job(schedule, one, heard)
        for one in heard
        if one.bulletin.priority != "normal" and one.name not in placed and one.parts
    ]
    return [job for job in found if begin_ms <= job.release_ms < min(end_ms, job.until_ms)]


def clashes(inputs: Inputs, begin_ms: int, end_ms: int) -> list[Clash]:
    """Return where two playings want one loudspeaker at once, as the schedule stands."""
    schedule = inputs.schedule
    ears = {speaker.id: speaker.zones for speaker in schedule.loudspeaker}
    ears |= {zone.id: (zone.id,) for zone in schedule.zone if zone.id not in ears}
    found = []
    for name, zones in ears.items():
        wanted = {job.id: job for zone in zones for job in jobs(inputs, zone, begin_ms, end_ms)}
        found += list(_overlaps(schedule, name, list(wanted.values())))
    return found


def _overlaps(schedule: Schedule, speaker: str, wanted: list[Job]) -> Iterator[Clash]:
    wanted = sorted(wanted, key=lambda job: (job.release_ms, job.id))
    for number, first in enumerate(wanted):
        ends = _nominal_end_ms(first)
        for second in itertools.islice(wanted, number + 1, None):
            if second.release_ms >= ends:
                break
            overlap = min(ends, _nominal_end_ms(second)) - second.release_ms
            resolved: Literal["priority", "order", "undecided"] = "undecided"
            if first.priority != second.priority:
                resolved = "priority"
            elif {first.name, second.name} & set(schedule.order):
                resolved = "order"
            at_ms = second.release_ms
            yield Clash(speaker, first.name, second.name, at_ms, overlap, resolved)


def _nominal_end_ms(job: Job) -> int:
    return job.until_ms if job.live is not None else job.release_ms + job.length_ms


def _item_jobs(
    inputs: Inputs, item: Item, heard: list[Heard], span_ms: tuple[int, int]
) -> Iterator[Job]:
    schedule = inputs.schedule
    for release_ms in _occurrences(inputs, item, span_ms):
        until_ms, until = _NEVER
        parts: tuple[Part, ...] = ()
        name, exercise = item.id, False
        if item.audio is not None:
            parts = (Part(item.audio, inputs.lengths_ms[item.audio]),)
        elif item.live is not None:
            until_ms, until = release_ms + round(item.minutes * _MINUTE_MS), "played"
        else:
            one = next((one for one in heard if one.name == item.bulletin), None)
            if one is None or release_ms < max(one.accepted_ms, _begins_ms(one)):
                continue
            until_ms, until = _until(one, heard)
            parts, name, exercise = one.parts, one.name, one.bulletin.test
        yield Job(
            f"{item.id}@{utc_of(release_ms):%Y-%m-%dT%H:%M:%SZ}",
            name,
            parts,
            release_ms,
            priority=item.priority,
            exercise=exercise,
            live=item.live,
            rank=schedule.rank(name),
            latest_ms=release_ms + max(1, round(schedule.wait_minutes * _MINUTE_MS)),
            until_ms=until_ms,
            until=until,
        )


def _occurrences(inputs: Inputs, item: Item, span_ms: tuple[int, int]) -> Iterator[int]:
    if item.when == "now":
        if item.id in inputs.begun_ms:
            yield inputs.begun_ms[item.id]
        return
    clock = inputs.schedule.clock
    for day in local_days(*span_ms, clock):
        if item.is_on(day):
            yield moment_ms(day, item.time_on(), clock)


def _bulletin_job(schedule: Schedule, one: Heard, heard: list[Heard]) -> Job:
    until_ms, until = _until(one, heard)
    return Job(
        f"{one.name}#{one.bulletin.counter}",
        one.name,
        one.parts,
        max(one.accepted_ms + READY_MS, _begins_ms(one)),
        priority=one.bulletin.priority,
        exercise=one.bulletin.test,
        rank=schedule.rank(one.name),
        until_ms=until_ms,
        until=until,
    )


def _until(one: Heard, heard: list[Heard]) -> tuple[int, Outcome]:
    """Return when a bulletin ends at the latest, and why: its expiry, or a cancel of weight."""
    cancels = [
        max(other.accepted_ms, _begins_ms(other))
        for other in heard
        if other.bulletin.cancels == one.bulletin.id
        and other.bulletin.issuer == one.bulletin.issuer
        and _weight(other) >= _weight(one)
    ]
    expires_ms = ms_of(one.bulletin.expires_utc)
    if cancels and min(cancels) < expires_ms:
        return min(cancels), "cancelled"
    return expires_ms, "expired"


def _begins_ms(one: Heard) -> int:
    return ms_of(one.bulletin.not_before_utc)


def _weight(one: Heard) -> int:
    return PRIORITIES.index(one.bulletin.priority)
