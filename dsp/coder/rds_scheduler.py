"""The order of groups: content in, source bits out, the same every time.

The scheduler has no clock: group g starts at bit 104 g, that is g · 0.08758 s, and the time of day
follows from `start_utc` and the count of bits. In each slot the clock time goes first if the slot
ends nearest to a minute edge (the standard allows 0.1 s; half a group is 0.044 s), then the most
urgent stream that is due (`rds_streams`), then the background in turns, then the texts once more.

Content changes at a bit index: `set(at_bit, rt="…")` counts from the first group that starts there
or later. Bit errors for a fault are set the same way and depend on seed and group only.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from dsp.coder.rds_blocks import Bits, Group, group_bits
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_groups import Header, clock_time
from dsp.coder.rds_streams import TICKS, Flags, Stream, build_streams
from dsp.errors import Refusal
from dsp.rds.code import GROUP_BITS
from dsp.rds.shaping import BIT_RATE_DENOMINATOR, BIT_RATE_NUMERATOR

_MINUTE_US = 60_000_000
# A group lasts 208 / 2375 s.
_GROUP_US_TIMES_RATE = GROUP_BITS * BIT_RATE_DENOMINATOR * 1_000_000


class SentGroup(NamedTuple):
    """A group of the stream: index of its first bit, its 16 digits, how many bits were spoiled."""

    bit_index: int
    group: str
    bit_errors: int


def bit_at(seconds: float) -> int:
    """Return the index of the first bit that starts at `seconds` or later."""
    return -int(-seconds * BIT_RATE_NUMERATOR // BIT_RATE_DENOMINATOR)


@dataclass(frozen=True)
class _Segment:
    """What holds from group `slot` on."""

    slot: int
    content: RdsContent
    flags: Flags
    bit_error_rate: float


class _Plan:
    """The content over time."""

    def __init__(self, content: RdsContent, start_utc: datetime | None) -> None:
        self.start_utc = _checked_start(start_utc)
        self._first = content
        self._changes: list[tuple[int, dict[str, Any]]] = []
        self.segments: list[_Segment] = self._resolved([])

    def add(self, slot: int, changes: dict[str, Any]) -> None:
        """Insert a change; leaves everything as it was if some content then cannot be."""
        tried = sorted([*self._changes, (slot, changes)], key=lambda change: change[0])
        self.segments = self._resolved(tried)
        self._changes = tried

    def _resolved(self, changes: list[tuple[int, dict[str, Any]]]) -> list[_Segment]:
        self._require_start(self._first)
        segments = [_Segment(0, self._first, Flags(), 0.0)]
        for slot, change in changes:
            before = segments[-1]
            keys = {key: value for key, value in change.items() if key != "bit_error_rate"}
            content = dataclasses.replace(before.content, **keys)
            self._require_start(content)
            rate = change.get("bit_error_rate", before.bit_error_rate)
            flags = _turned(before.flags, before.content, content)
            segments.append(_Segment(slot, content, flags, rate))
        return segments

    def _require_start(self, content: RdsContent) -> None:
        if content.ct and self.start_utc is None:
            raise Refusal(
                "rds.ct",
                expected="the time of the first bit where ct is on",
                got="none",
                advice="setting start_utc, or leaving ct out",
            )
        if content.ct and self.start_utc is not None:
            clock_time(Header(content.pi), self.start_utc, 0)  # refuses a day that 4A cannot say


class _Cursor:
    """One walk through the groups of a plan."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self.slot = 0
        self._segment: _Segment | None = None
        self._streams: list[Stream] = []
        self._turn = 0
        self._edge = 0

    def next_group(self) -> tuple[int, Group, float]:
        """Return (slot, group, bit error rate) and step on."""
        slot = self.slot
        segment = self._enter(slot)
        group = self._clock(slot, segment) or self._due(slot) or self._spare()
        self.slot += 1
        return slot, group, segment.bit_error_rate

    def _enter(self, slot: int) -> _Segment:
        """Return the segment of `slot`; on a new one, rebuild the streams and keep their places."""
        segments = self._plan.segments
        current = segments[bisect_right(segments, slot, key=lambda segment: segment.slot) - 1]
        if current is not self._segment:
            before = {stream.name: stream for stream in self._streams}
            self._streams = build_streams(current.content, current.flags)
            for stream in self._streams:
                stream.release = slot * TICKS
                if stream.name in before:
                    stream.carry_on(before[stream.name], slot * TICKS)
            self._segment = current
        return current

    def _clock(self, slot: int, segment: _Segment) -> Group | None:
        """Return group 4A if `slot` ends nearest to a minute edge."""
        start = self._plan.start_utc
        if start is None:
            return None
        minute = start.replace(second=0, microsecond=0)
        passed_us = start.second * 1_000_000 + start.microsecond
        while True:
            away_us = self._edge * _MINUTE_US - passed_us
            ends = away_us * BIT_RATE_NUMERATOR + _GROUP_US_TIMES_RATE // 2
            due = ends // _GROUP_US_TIMES_RATE - 1
            if due >= slot:
                break
            self._edge += 1
        content = segment.content
        if due > slot or not content.ct:
            return None
        now = minute + timedelta(minutes=self._edge)
        header = Header(content.pi, content.pty, content.tp)
        return clock_time(header, now, content.ct_offset_half_hours)

    def _due(self, slot: int) -> Group | None:
        """Return a group of the most urgent stream that is due."""
        for stream in self._streams:
            if stream.period is not None and stream.release <= slot * TICKS:
                stream.release += stream.period
                return stream.take()
        return None

    def _spare(self) -> Group:
        """Return a group of the background, or of a text where there is none, in turns."""
        background = [stream for stream in self._streams if stream.period is None]
        choice = background or [stream for stream in self._streams if stream.name in {"0", "2"}]
        self._turn += 1
        return choice[self._turn % len(choice)].take()


class RdsScheduler:
    """A station's RDS as an endless stream of source bits, from bit 0 on.

    Parameters
    ----------
    content
        What to say.
    start_utc
        Time of bit 0, with a time zone; needed for clock time only.
    seed
        Of the bit errors.

    Raises
    ------
    Refusal
        ``rds.ct`` for clock time without a start.
    """

    def __init__(
        self, content: RdsContent, start_utc: datetime | None = None, *, seed: int = 0
    ) -> None:
        self._plan = _Plan(content, start_utc)
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Go back to bit 0; the changes stay planned."""
        self._cursor = _Cursor(self._plan)
        self._told = _Cursor(self._plan)
        self._rest = np.empty(0, np.uint8)

    def set(self, at_bit: int, **changes: Any) -> None:
        """Change content from the first group on that starts at `at_bit` or later.

        `changes` are fields of `RdsContent`, or `bit_error_rate` (0 to 0.5). A new RadioText, type
        name or tag turns its flag. Changes may come in any order.

        Raises
        ------
        Refusal
            As `RdsContent` does; nothing is changed then.
        ValueError
            For a bit whose group has been made already, an unknown key, and a rate out of range.
        """
        slot = -(-at_bit // GROUP_BITS)
        ahead = max(self._cursor.slot, self._told.slot)
        if slot < ahead:
            raise ValueError(f"at_bit: expected {ahead * GROUP_BITS} or later, got {at_bit}")
        known = {f.name for f in dataclasses.fields(RdsContent) if f.init} | {"bit_error_rate"}
        if unknown := changes.keys() - known:
            raise ValueError(f"changes: expected fields of RdsContent, got {sorted(unknown)}")
        if not 0.0 <= changes.get("bit_error_rate", 0.0) <= 0.5:
            raise ValueError(f"bit_error_rate: expected 0 to 0.5, got {changes['bit_error_rate']}")
        self._plan.add(slot, changes)

    def next_bits(self, count: int) -> Bits:
        """Return the next `count` source bits, uint8 (count,) of 0 and 1."""
        parts, held = [self._rest], len(self._rest)
        while held < count:
            slot, group, rate = self._cursor.next_group()
            parts.append(self._spoiled(slot, group, rate))
            held += GROUP_BITS
        joined = np.concatenate(parts)
        self._rest = joined[count:]
        return joined[:count]

    def groups_until(self, bit_index: int) -> list[SentGroup]:
        """Return the groups that start before `bit_index` and were not returned before.

        Walks apart from `next_bits`: either may be ahead. The groups are those meant; where bit
        errors were set, `bit_errors` tells how many of the 104 bits went out wrong.
        """
        sent = []
        while self._told.slot * GROUP_BITS < bit_index:
            slot, group, rate = self._told.next_group()
            wrong = 0
            if rate:
                wrong = int(np.sum(self._spoiled(slot, group, rate) != group_bits(group)))
            sent.append(SentGroup(slot * GROUP_BITS, group.hex(), wrong))
        return sent

    def _spoiled(self, slot: int, group: Group, rate: float) -> Bits:
        """Return the bits of a group with errors that depend on seed and slot only."""
        bits = group_bits(group)
        if not rate:
            return bits
        wrong = np.random.default_rng((self._seed, slot)).random(GROUP_BITS) < rate
        return bits ^ wrong.astype(np.uint8)


def _turned(flags: Flags, before: RdsContent, after: RdsContent) -> Flags:
    """Return the flags after a change of content; a tagged item is new when its text is."""
    tagged = [(c.rt_plus_tags, c.rt_bytes if c.rt_plus_tags else b"") for c in (before, after)]
    return Flags(
        rt=flags.rt ^ int(before.rt_bytes != after.rt_bytes),
        ptyn=flags.ptyn ^ int(before.ptyn_bytes != after.ptyn_bytes),
        tags=flags.tags ^ int(tagged[0] != tagged[1]),
    )


def _checked_start(start_utc: datetime | None) -> datetime | None:
    if start_utc is None:
        return None
    if start_utc.tzinfo is None:
        raise Refusal(
            "rds.ct",
            expected="a start time with its zone",
            got=start_utc.isoformat(),
            advice=f"{start_utc.isoformat()}Z",
        )
    return start_utc.astimezone(UTC)
