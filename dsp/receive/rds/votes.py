"""When a received value may be believed: votes for single values, and for texts in segments.

A value from blocks as they came counts 2, from corrected blocks 1. A single value is shown from 3
on: never after one reception, whatever it was. A value that is no longer received grows old; who
asks for it says how old it may be.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from dsp.rds.characters import CHARACTERS, END_OF_TEXT

Value = TypeVar("Value")

CLEAN: Final = 2
CORRECTED: Final = 1
BELIEVED: Final = 3
_RETURNS: Final = 3


class Vote(Generic[Value]):
    """The last value that was received often enough, and one that may follow it."""

    __slots__ = ("_challenger", "_score", "heard", "value")

    def __init__(self) -> None:
        self.value: Value | None = None
        self.heard = 0
        self._challenger: Value | None = None
        self._score = 0

    def hear(self, value: Value, weight: int, sample: int) -> bool:
        """Count a reception of `value`; return whether the value shown has changed."""
        if self.value is not None and value == self.value:
            self.heard = sample
            self._challenger, self._score = None, 0
            return False
        if value != self._challenger:
            self._challenger, self._score = value, 0
        self._score += weight
        if self._score < BELIEVED:
            return False
        self.value, self.heard = value, sample
        self._challenger, self._score = None, 0
        return True

    def fresh(self, now: int, age: int) -> Value | None:
        """Return the value if it was heard at most `age` samples before `now`."""
        return self.value if self.value is not None and now - self.heard <= age else None


class SegmentedText:
    """A text that comes in segments, shown only when all of it is sure and of one piece.

    Two texts are never mixed: a segment that contradicts the text being collected starts a new
    collection from nothing, because nobody can tell which of the other segments were already new.
    A text ends with its end mark, or with its last segment, or where the station has gone back to
    the beginning three times running.

    Parameters
    ----------
    segments, width
        How many, and bytes in each.
    needed
        Score of every segment from which it counts as sure.

    Attributes
    ----------
    shown
        The last text that was sure, as bytes; None before the first.
    heard
        Sample of its last segment.
    receptions
        How often each segment of the text being collected has come.
    """

    __slots__ = (
        "_bytes",
        "_highest",
        "_needed",
        "_previous",
        "_returns",
        "_scores",
        "heard",
        "receptions",
        "segments",
        "shown",
        "width",
    )

    def __init__(self, segments: int, width: int, needed: int) -> None:
        self.segments = segments
        self.width = width
        self._needed = needed
        self.shown: bytes | None = None
        self.heard = 0
        self._bytes = bytearray(segments * width)
        self.clear()

    def clear(self) -> None:
        """Begin to collect a new text; what is shown stays."""
        self.receptions = [0] * self.segments
        self._scores = [0] * self.segments
        self._highest = self._returns = 0
        self._previous = -1

    def hear(self, segment: int, data: bytes, weight: int, sample: int) -> bool:
        """Take one segment; return whether the text shown has changed."""
        at = segment * self.width
        here = slice(at, at + self.width)
        if self._scores[segment] and self._bytes[here] != data:
            self.clear()
        self._bytes[here] = data
        self._scores[segment] += weight
        self.receptions[segment] += 1
        self._follow(segment)
        end = self._end()
        if end is None or min(self._scores[: -(-end // self.width)], default=0) < self._needed:
            return False
        text = bytes(self._bytes[:end])
        changed = text != self.shown
        self.shown, self.heard = text, sample
        return changed

    def _follow(self, segment: int) -> None:
        """Count how often the beginning came right after the highest segment."""
        if segment > self._highest:
            self._highest, self._returns = segment, 0
        elif segment == 0 and self._previous == self._highest:
            self._returns += 1
        self._previous = segment

    def _end(self) -> int | None:
        """Return the length of the text in bytes; None while it is not known."""
        for segment, score in enumerate(self._scores):
            if score:
                first = segment * self.width
                mark = self._bytes.find(END_OF_TEXT, first, first + self.width)
                if mark >= 0:
                    # The mark itself must be sure, also where it stands alone in its segment.
                    return mark if score >= self._needed else None
        if self._highest == self.segments - 1 or self._returns >= _RETURNS:
            return (self._highest + 1) * self.width
        return None

    def fresh(self, now: int, age: int) -> str | None:
        """Return the text if it was heard at most `age` samples before `now`."""
        if self.shown is None or now - self.heard > age:
            return None
        return decode_text(self.shown)


def decode_text(data: bytes) -> str:
    """Return RDS bytes as text; controls and codes without a letter become spaces."""
    return "".join(CHARACTERS[code] or " " for code in data)
