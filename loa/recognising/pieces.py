"""Answers by the second become pieces: from, to, what it was, how late, how complete."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dsp.align.coherence import Opinion
from ingest.reference.answer import Answer

_SAME_LINE_S = 0.25  # a jump of the offset begins a new piece


@dataclass
class Piece:
    """Seconds on end with one answer.

    Attributes
    ----------
    answers
        One a second.
    opinion
        What the sounds themselves say, if they were looked at.
    delay_s, u_delay_s
        As measured on them.
    """

    answers: list[Answer] = field(default_factory=list)
    opinion: Opinion | None = None
    delay_s: float | None = None
    u_delay_s: float | None = None

    @property
    def first(self) -> Answer:
        """Its first second."""
        return self.answers[0]

    @property
    def last(self) -> Answer:
        """Its last second."""
        return self.answers[-1]

    @property
    def from_s(self) -> int:
        """Beginning."""
        return self.first.second

    @property
    def to_s(self) -> int:
        """End (not included)."""
        return self.last.second + 1

    def follows(self, answer: Answer) -> bool:
        """Tell whether `answer` goes on with this piece."""
        last = self.last
        if (answer.verdict, answer.reference) != (last.verdict, last.reference):
            return False
        if answer.verdict != "match":
            return True
        assert answer.offset_s is not None
        assert last.offset_s is not None
        jump = answer.offset_s - last.offset_s - (answer.second - last.second)
        return abs(jump) < _SAME_LINE_S

    @property
    def bad(self) -> bool:
        """Tell whether something else than a reference was heard, or cannot be told."""
        return self.first.verdict not in ("match", "silence")

    def as_dict(self, heard: str) -> dict[str, object]:
        """Return the line of contract for this piece."""
        best = max(self.answers, key=lambda a: (a.confidence, a.completeness or 0.0, a.second))
        others = sorted({name for a in self.answers for name in a.others})
        line: dict[str, object] = {
            "heard": heard,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "verdict": self.first.verdict,
            "reference": self.first.reference,
            "others": others,
            "offset_s": None,
            "completeness_percent": None,
            "delay_ms": None,
            "gain_db": None,
            "confidence": round(best.confidence, 4),
            "second_opinion": None if self.opinion is None else self.opinion.verdict,
            "u": {},
        }
        if self.first.verdict != "match":
            return line
        offsets = sorted(
            a.offset_s - (a.second - self.from_s) for a in self.answers if a.offset_s is not None
        )
        offset_s = offsets[len(offsets) // 2]
        u_s = max(a.u_s or 0.0 for a in self.answers)
        u_s = math.hypot(u_s, (offsets[-1] - offsets[0]) / 2)
        last = self.last
        line["offset_s"] = round(offset_s, 3)
        line["completeness_percent"] = _rounded(last.completeness, 100.0)
        delay_s = self.from_s - offset_s
        if self.delay_s is not None and self.u_delay_s is not None:
            delay_s, u_s = self.delay_s, self.u_delay_s
        line["delay_ms"] = round(1000.0 * delay_s, 2) + 0.0
        line["gain_db"] = _rounded(last.gain_db, 1.0)
        line["u"] = {"delay_ms": round(1000.0 * u_s, 2), "gain_db": _rounded(last.u_db, 1.0)}
        return line


def _rounded(value: float | None, factor: float) -> float | None:
    # Plus nothing: no result is minus zero.
    return None if value is None else round(factor * value, 1) + 0.0


def pieces_of(answers: Iterable[Answer]) -> list[Piece]:
    """Return the pieces of the answers of one stream.

    A single second between a piece of a reference and something else, or the beginning or the end
    of the stream, is half of one and half of the other: it goes to the reference.
    """
    pieces: list[Piece] = []
    for answer in answers:
        if pieces and pieces[-1].follows(answer):
            pieces[-1].answers.append(answer)
        else:
            pieces.append(Piece([answer]))
    return _joined(_without_edges(pieces))


def _without_edges(pieces: list[Piece]) -> list[Piece]:
    kept: list[Piece] = []
    for n, piece in enumerate(pieces):
        short = len(piece.answers) == 1 and piece.bad
        after = pieces[n + 1] if n + 1 < len(pieces) else None
        if short and kept and kept[-1].first.verdict == "match":
            kept[-1].answers.append(_as_part_of(kept[-1].last, piece.first))
        elif (
            short
            and after is not None
            and after.first.verdict == "match"
            and not piece.first.others
        ):
            after.answers.insert(0, _as_part_of(after.first, piece.first))
        else:
            kept.append(piece)
    return kept


def _as_part_of(known: Answer, answer: Answer) -> Answer:
    assert known.offset_s is not None
    return replace(
        known,
        second=answer.second,
        offset_s=known.offset_s + answer.second - known.second,
        level_dbfs=answer.level_dbfs,
    )


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].follows(piece.first):
            joined[-1].answers.extend(piece.answers)
        else:
            joined.append(piece)
    return joined
