"""Is what is heard what is due? The recogniser's answers against the schedule.

Sans-I/O: answers come a second or more after their second, in order. "Something else" counts only
where the reference was heard before or its slot has run for `START_GRACE_S`, and becomes a finding
when the second opinion has said "different" (`confirmed`). An answer that names nothing yet
("inconclusive") counts where the second opinion is sure. A reference that has ended is not missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingest.watch.schedule import Due, Schedule

START_GRACE_S = 30.0
SLOT_GRACE_S = 60.0
END_S = 4.0  # this close to its end a reference counts as complete
OUT_OF_SLOT_S = 3
UNSCHEDULED_S = 6
_MOST_UNSCHEDULED = 10  # it is over when the carrier has said nothing for half of that
FREE_S = 15  # a reference that nothing says is due is believed to go on after so long
_SAME_LINE_S = 2.0
WRONG_EVIDENCE = 5.0
_MOST_EVIDENCE = 15.0
_UNKNOWN = 1.0
_OTHER = 2.0
_CONFIRMED = 3.0
_DOUBTED = 2.0  # confirmed, where the fingerprint only says that it does not know


class Heard(Protocol):
    """An answer of the recogniser (`ingest.reference.answer.Answer`)."""

    @property
    def second(self) -> int:
        """Which second it is about."""

    @property
    def verdict(self) -> str:
        """One of "match", "unknown", "silence", "hiss", "inconclusive"."""

    @property
    def reference(self) -> str | None:
        """Id of the reference recognised."""

    @property
    def offset_s(self) -> float | None:
        """Where the reference is at the beginning of the second."""


@dataclass
class Following:
    """A reference that was heard: which one, and where it was in which second."""

    reference: str
    second: int
    offset_s: float

    def place_s(self, second: int) -> float:
        """Return where the reference is in `second`, if it goes on."""
        return self.offset_s + (second - self.second)


@dataclass(frozen=True)
class Expected:
    """The reference that should be heard; `place_s` is None where it has not been heard yet."""

    reference: str
    place_s: float | None


class ProgrammeWatch:
    """Follows what is heard of one station.

    Parameters
    ----------
    schedule
        Its slots.
    lengths_s
        Of the references; one that is not named never ends.
    """

    def __init__(self, schedule: Schedule, lengths_s: Mapping[str, float] | None = None) -> None:
        self._schedule = schedule
        self._lengths_s = dict(lengths_s or {})
        self.following: Following | None = None
        self._begun: Following | None = None  # where a reference that is not due was recognised
        self._over: tuple[str, int] | None = None  # reference that ended, last second after it
        self.evidence = 0.0  # that something else is heard than what is due
        self.since: int | None = None
        self.confirmed = False
        self.out_of_slot = 0
        self.unscheduled = 0
        self.other: str | None = None
        self.stray: str | None = None  # heard outside its slot

    def hear(self, answer: Heard, moment: datetime, *, confirmed: bool | None) -> list[str]:
        """Take an answer about the second that began at `moment`; return its content cues.

        `confirmed` is what the second opinion says of a mismatch: True for different, False for
        the same after all, None where it was not asked or cannot tell.
        """
        near = self._schedule.near(moment, SLOT_GRACE_S)
        due = {slot.reference for slot in near}
        matched = answer.verdict == "match" and answer.reference is not None
        if matched and (answer.reference in due or "" in due or not self._schedule.known):
            assert answer.reference is not None
            heard = Following(answer.reference, answer.second, answer.offset_s or 0.0)
            if answer.reference in due or self._goes_on(heard):
                self.following = heard
            self._clear()
            self.out_of_slot = 0
            return ["content_own"]
        if matched and self._schedule.known and not near:
            self.out_of_slot += 1
            self.stray = answer.reference
        doubted = answer.verdict == "inconclusive" and confirmed is not None
        if not doubted and answer.verdict not in ("match", "unknown"):
            self._decay()
            return []
        return self._mismatch(answer, self._schedule.due(moment), confirmed)

    def found(self, following: Following) -> None:
        """Take that what is expected is heard, which no fingerprint has named."""
        self.following = following
        self._clear()

    def _goes_on(self, heard: Following) -> bool:
        """Tell whether a reference that need not be heard is, for longer than a shared sentence."""
        begun = self._begun
        if begun is None or begun.reference != heard.reference:
            self._begun = begun = heard
        if abs(begun.place_s(heard.second) - heard.offset_s) > _SAME_LINE_S:
            self._begun = begun = heard
        return heard.second - begun.second >= FREE_S

    def expected(self, second: int, now: list[Due]) -> Expected | None:
        """Return what should be heard in `second`, or None where nothing must be."""
        if self.following is not None:
            length_s = self._lengths_s.get(self.following.reference, float("inf"))
            place_s = self.following.place_s(second)
            if place_s < length_s - END_S:
                return Expected(self.following.reference, place_s)
        ended = self.following.reference if self.following else None
        late = [
            due
            for due in now
            if due.since_s >= START_GRACE_S
            and not self._is_over(due, second)
            and due.reference != ended
        ]
        if not late or any(not due.reference for due in now):
            return None
        return Expected(late[0].reference, None)

    def _may_be_over(self, expected: Expected, now: list[Due]) -> bool:
        """Tell whether a reference nobody has recognised may have been played since its slot began.

        Then something else is no sign that it was not.
        """
        if expected.place_s is not None:
            return False
        length_s = self._lengths_s.get(expected.reference, float("inf"))
        return any(due.reference == expected.reference and due.since_s > length_s for due in now)

    def _is_over(self, due: Due, second: int) -> bool:
        """Tell whether the reference of a slot was heard to its end since the slot began."""
        reference, ended = self._over or ("", 0)
        return due.reference == reference and second - ended < due.since_s

    def ended(self, second: int, now: list[Due]) -> None:
        """Forget a reference that has ended, or whose slot is over."""
        if self.following is None:
            return
        length_s = self._lengths_s.get(self.following.reference, float("inf"))
        if self.following.place_s(second) >= length_s - END_S:
            self._over = self.following.reference, second
        past = self.following.place_s(second) > length_s + SLOT_GRACE_S
        if past or (
            self._schedule.known and not now and second - self.following.second > SLOT_GRACE_S
        ):
            self.following = None
            self._clear()

    def _mismatch(self, answer: Heard, now: list[Due], confirmed: bool | None) -> list[str]:
        expected = self.expected(answer.second, now)
        if expected is None or self._may_be_over(expected, now):
            return []
        if confirmed is False:
            self._clear()
            return []
        if self.since is None:
            self.since = answer.second
        matched = answer.verdict == "match"
        self.confirmed = self.confirmed or bool(confirmed)
        self.other = answer.reference if matched else None
        if answer.verdict == "inconclusive":
            self.evidence += _DOUBTED
        elif confirmed:
            self.evidence += _CONFIRMED
        else:
            self.evidence += _OTHER if matched else _UNKNOWN
        self.evidence = min(self.evidence, _MOST_EVIDENCE)
        return ["content_other", "content_confirmed"] if confirmed else ["content_other"]

    def carry(self, moment: datetime, *, programme: bool) -> None:
        """Take from the carrier of a second whether a programme is on it: in no slot, none is."""
        if not self._schedule.known or self._schedule.near(moment, SLOT_GRACE_S):
            self.unscheduled = 0
        elif programme:
            self.unscheduled = min(self.unscheduled + 1, _MOST_UNSCHEDULED)
        else:
            # A pause of a second does not end what was begun.
            self.unscheduled = max(self.unscheduled - 1, 0)
        if self.unscheduled == 0:
            self.out_of_slot = 0

    def _decay(self) -> None:
        """Let evidence fade while nothing is said about the content."""
        self.evidence *= 0.7
        if self.evidence < 0.5:
            self._clear()

    def _clear(self) -> None:
        self.evidence = 0.0
        self.since = None
        self.confirmed = False
        self.other = None

    def finding(self) -> tuple[str, str, float, int | None] | None:
        """Return finding, detail, evidence and beginning, or None while all is as it should be."""
        if self.evidence >= WRONG_EVIDENCE and self.confirmed:
            heard = self.other or "an unknown programme"
            expected = self.following.reference if self.following else "the reference due"
            return "wrong_programme", f"{heard} instead of {expected}", self.evidence, self.since
        if self.out_of_slot >= OUT_OF_SLOT_S:
            return "out_of_slot", f"{self.stray} outside its slot", float(self.out_of_slot), None
        if self.unscheduled >= UNSCHEDULED_S:
            return "out_of_slot", "a programme while no slot is on", float(self.unscheduled), None
        return None
