"""Open data applications: their announcements (3A), RadioText Plus, enhanced RadioText.

RDS Forum R06/040 (RT+) and R13/041 (AIDs); IEC 62106 annex P. RT+ says where in the RadioText a
title or an artist stands; eRT is RadioText in UTF-8 (or UCS-2), 128 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dsp.rds.applications import AID_ENHANCED_RADIOTEXT, AID_RT_PLUS, RT_PLUS_CONTENT_TYPES
from dsp.receive.rds.votes import SegmentedText, Vote

_CONTENT_NAMES: Final = {code: name for name, code in RT_PLUS_CONTENT_TYPES.items()}
_ERT_SEGMENTS: Final = 32
_ERT_WIDTH: Final = 4
_MOST_APPLICATIONS: Final = 16
_DUMMY: Final = 0


def group_name(code: int) -> str:
    """Return "11A" for a 5-bit group type code."""
    return f"{code >> 1}{'B' if code & 1 else 'A'}"


@dataclass(frozen=True, slots=True)
class Tag:
    """A piece of RadioText with its meaning: `length` characters from `start` on."""

    content: int
    start: int
    length: int


def decode_tags(b: int, c: int, d: int) -> tuple[int, int, tuple[Tag, ...]]:
    """Return item toggle, item running and the tags of an RT+ group."""
    bits = (b & 0x1F) << 32 | c << 16 | d
    one = Tag(bits >> 29 & 0x3F, bits >> 23 & 0x3F, (bits >> 17 & 0x3F) + 1)
    other = Tag(bits >> 11 & 0x3F, bits >> 5 & 0x3F, (bits & 0x1F) + 1)
    tags = tuple(tag for tag in (one, other) if tag.content != _DUMMY)
    return bits >> 36 & 1, bits >> 35 & 1, tags


@dataclass(slots=True)
class Applications:
    """What a station announces in 3A, and the two applications that are understood here."""

    by_aid: dict[int, Vote[tuple[int, int]]] = field(default_factory=dict)
    tags: Vote[tuple[int, int, tuple[Tag, ...]]] = field(default_factory=Vote)
    enhanced: SegmentedText = field(
        default_factory=lambda: SegmentedText(_ERT_SEGMENTS, _ERT_WIDTH, 2)
    )
    enhanced_utf8: bool = True

    def announce(self, code: int, message: int, aid: int, weight: int, sample: int) -> None:
        """Take a group 3A: application `aid` uses group type `code`."""
        if aid not in self.by_aid:
            if len(self.by_aid) >= _MOST_APPLICATIONS:
                del self.by_aid[min(self.by_aid, key=lambda a: self.by_aid[a].heard)]
            self.by_aid[aid] = Vote()
        self.by_aid[aid].hear((code, message), weight, sample)
        if aid == AID_ENHANCED_RADIOTEXT and self.by_aid[aid].value is not None:
            self.enhanced_utf8 = bool(message & 1)

    def aid_of(self, code: int) -> int | None:
        """Return the application that uses group type `code`."""
        for aid, vote in self.by_aid.items():
            if vote.value is not None and vote.value[0] == code:
                return aid
        return None

    def hear(self, code: int, words: tuple[int, int, int], weight: int, sample: int) -> None:
        """Take a group (blocks B, C, D) of a type that an application uses."""
        aid = self.aid_of(code)
        b, c, d = words
        if aid == AID_RT_PLUS:
            self.tags.hear(decode_tags(b, c, d), weight, sample)
        elif aid == AID_ENHANCED_RADIOTEXT:
            self.enhanced.hear(b & 0x1F, c.to_bytes(2) + d.to_bytes(2), weight, sample)

    def enhanced_text(self, now: int, age: int) -> str | None:
        """Return enhanced RadioText; None where there is none or it is no text."""
        shown = self.enhanced.shown
        if shown is None or now - self.enhanced.heard > age:
            return None
        return shown.decode("utf-8" if self.enhanced_utf8 else "utf-16-be", errors="replace")

    def items(self, text: str, now: int, age: int) -> dict[str, str]:
        """Return what the tags mark in the RadioText `text`, by content type."""
        tags = self.tags.fresh(now, age)
        if tags is None:
            return {}
        found = {}
        for tag in tags[2]:
            piece = text[tag.start : tag.start + tag.length].strip()
            name = _CONTENT_NAMES.get(tag.content, f"content.{tag.content}")
            if piece:
                found[name] = piece
        return found
