"""Is what is heard what is due? The recogniser's answers against the schedule.

Sans-I/O: answers come a second or more after their second, in order. "Something else" counts only
where the reference was heard before or its slot has run for `START_GRACE_S`, and becomes a finding
when the second opinion has said "different" (`confirmed`). A reference that has ended is not
missed.
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
UNSCHEDULED_S = 10
WRONG_EVIDENCE = 5.0
_UNKNOWN = 1.0
_CONFIRMED = 3.0
_OTHER = 2.0


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
        self.evidence = 0.0  # that something else is heard than what is due
        self.since: int | None = None
        self.confirmed = False
        self.out_of_slot = 0
        self.unscheduled = 0
        self.other: str | None = None

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
            self.following = Following(answer.reference, answer.second, answer.offset_s or 0.0)
            self._clear()
            self.out_of_slot = self.unscheduled = 0
            return ["content_own"]
        if answer.verdict not in ("match", "unknown"):
            self._decay()
            return []
        return self._mismatch(answer, near, self._schedule.due(moment), confirmed)

    def expects(self, second: int, now: list[Due]) -> str | None:
        """Return the reference that should be heard in `second`, or None where none must be."""
        if self.following is not None:
            length_s = self._lengths_s.get(self.following.reference, float("inf"))
            if self.following.place_s(second) < length_s - END_S:
                return self.following.reference
            return None
        late = [due for due in now if due.reference and due.since_s >= START_GRACE_S]
        return late[0].reference if late and not any(not due.reference for due in now) else None

    def ended(self, second: int, now: list[Due]) -> None:
        """Forget a reference that has ended, or whose slot is over."""
        if self.following is None:
            return
        length_s = self._lengths_s.get(self.following.reference, float("inf"))
        past = self.following.place_s(second) > length_s + SLOT_GRACE_S
        if past or (
            self._schedule.known and not now and second - self.following.second > SLOT_GRACE_S
        ):
            self.following = None
            self._clear()

    def _mismatch(
        self, answer: Heard, near: list[Due], now: list[Due], confirmed: bool | None
    ) -> list[str]:
        matched = answer.verdict == "match"
        if self._schedule.known and not near:
            self.unscheduled += 1
            self.out_of_slot += int(matched)
            self.other = answer.reference if matched else self.other
        expected = self.expects(answer.second, now)
        if expected is None:
            return []
        if confirmed is False:
            self._clear()
            return []
        if self.since is None:
            self.since = answer.second
        self.confirmed = self.confirmed or bool(confirmed)
        self.other = answer.reference if matched else None
        self.evidence += _OTHER if matched else (_CONFIRMED if confirmed else _UNKNOWN)
        return ["content_other", "content_confirmed"] if confirmed else ["content_other"]

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
            return "out_of_slot", f"{self.other} outside its slot", float(self.out_of_slot), None
        if self.unscheduled >= UNSCHEDULED_S:
            return "out_of_slot", "a programme while no slot is on", float(self.unscheduled), None
        return None
