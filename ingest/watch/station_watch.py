"""One station, second by second: its record, what was recognised, its schedule → what is wrong.

    watch = StationWatch(station, schedule)
    verdict = watch.process(record, answer)          # of loa receive; of the recogniser, or None

No clock, no I/O: times are those of the records. The state is bounded: a learned signature, sums
and counters. A second of which samples are missing is `inconclusive`, raises nothing and ends every
count; what was found before it must be found again.

A stranger is judged by the sum of cues (`cues.WEIGHTS`), which may only grow while the evidence is
against the station, and never below zero (a sequential test, Page 1954): at `STRANGER_EVIDENCE`, in
at least two seconds, it is an alarm. If the own carrier was off just before, it is a
`stranger_on_idle_channel`, else the receiver was `captured`. In its first seconds a carrier that
comes up is given time to send its RDS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ingest.receiver.stations import Station
from ingest.watch.cues import CARRIER_CN_DB, SUSPICIOUS, Cues, carrier_cues, ecc_of
from ingest.watch.dead_air import Dead, DeadAir, Quiet
from ingest.watch.onsets import Onsets
from ingest.watch.programme_watch import (
    SLOT_GRACE_S,
    Expected,
    Following,
    Heard,
    ProgrammeWatch,
)
from ingest.watch.schedule import Due, Schedule
from ingest.watch.signature import Signature
from ingest.watch.verdict import STATES, Verdict

STRANGER_EVIDENCE = 6.0
STRANGER_SECONDS = 2
RETURN_SECONDS = 3  # a carrier that comes up may be the own one, whose RDS takes two seconds
IDLE_S = 2
CUT_SHORT_S = 8
_MOST_EVIDENCE = 12.0  # it is over soon after what made it
_LEARN_GAP = 2  # seconds beside anything odd from which nothing is learned
_LEARN_AFTER = 4  # seconds after which a second is learned: answers come late
ASKED_S = 5  # seconds in which a carrier that came back is asked for its content
STRANGERS = ("captured", "stranger_on_idle_channel")

Speaks = Callable[[str, float], bool | None]


class StationWatch:
    """Watches one station; see the module.

    Parameters
    ----------
    station, schedule
        As in STATIONS.toml.
    lengths_s
        Of the references.
    speaks
        Whether a reference speaks in the second from a moment on; None where it is not known.
    """

    def __init__(
        self,
        station: Station,
        schedule: Schedule,
        *,
        lengths_s: Mapping[str, float] | None = None,
        speaks: Speaks | None = None,
    ) -> None:
        self._station = station
        self._pi = station.pi.upper() if station.pi else None
        self._schedule = schedule
        self._speaks = speaks or (lambda _reference, _place_s: None)
        self.programme = ProgrammeWatch(schedule, lengths_s)
        self.signature = Signature()
        self._stranger = 0.0
        self._strange_seconds = 0
        self._strange_since: int | None = None
        self._strange_kind = "captured"
        self._idle = 0  # seconds without a carrier up to now
        self._onsets = Onsets()
        self._back = 0  # seconds since a carrier came back
        self._off = 0  # the same, for how far the own transmitter has cooled
        self._dead = DeadAir()
        self._content: list[str] = []
        self._doubted = False
        self._odd_second = self._strange_second = -(10**9)
        self._suspect_since: int | None = None
        self._own_second = -(10**9)  # the last one in which what is due was recognised
        self._learning: deque[tuple[Mapping[str, Any], Cues]] = deque(maxlen=_LEARN_AFTER + 2)
        self._state = "off_air"
        self._last = "ok"

    def process(
        self,
        record: Mapping[str, Any],
        answer: Heard | None = None,
        *,
        confirmed: bool | None = None,
        quiet: Quiet | None = None,
        place: Following | None = None,
    ) -> Verdict:
        """Take the record of the next second and an answer about it or an earlier one.

        `confirmed`: see `ProgrammeWatch.hear`. `quiet`: how long nothing has been heard, and for
        how much of it the reference speaks, where somebody has listened for that. `place`: where
        the second opinion has found what is expected, by itself. Returns the
        verdict of the record's second.
        """
        moment = datetime.fromisoformat(str(record["time"]))
        now = self._schedule.due(moment)
        second = int(record["second"])
        if record.get("missing_samples"):
            return self._lost(record)
        if answer is not None:
            self._hear(answer, moment, confirmed)
        if place is not None and place.second > self._strange_second + 1:
            self.programme.found(place)
        self.programme.ended(second, now)
        low = (record.get("cn_db") or 0.0) < CARRIER_CN_DB
        off_air = "off_air" in record["findings"] or (low and "hiss" in record["findings"])
        # A second carrier spoils the noise that C/N is read from.
        weak = low and "co_channel" not in record["findings"]
        cues = self._weigh(record, off_air=off_air, weak=weak)
        self._dead.take(record, off_air=off_air, speaking=self._speaking(second), quiet=quiet)
        self.programme.carry(moment, programme=not off_air and not weak and says_something(record))
        found = self._finding(second, now, cues)
        if found is None and weak and not off_air:
            return self._told(record, "inconclusive", "weak signal", 0.0, None)
        if found is None:
            own = "content_own" in cues.names  # whatever the carrier looks like now
            if not off_air and not weak and (own or not suspicious_in(cues)):
                self._learning.append((record, cues))
            else:
                self._odd_second = second
            self._learn(second, now)
            return self._told(record, "ok", self._ok_detail(now, off_air=off_air), 0.0, None)
        self._odd_second = second
        if found[0] in STRANGERS:
            self._strange_second = second
        return self._told(record, *found)

    def expected(self, record: Mapping[str, Any]) -> Expected | None:
        """Return what should be heard in the second of the next record."""
        moment = datetime.fromisoformat(str(record["time"]))
        return self.programme.expected(int(record["second"]), self._schedule.due(moment))

    def due(self, record: Mapping[str, Any]) -> frozenset[str]:
        """Return the references that may be heard by the schedule in the next record's second."""
        moment = datetime.fromisoformat(str(record["time"]))
        near = self._schedule.near(moment, SLOT_GRACE_S)
        return frozenset(due.reference for due in near if due.reference)

    def _lost(self, record: Mapping[str, Any]) -> Verdict:
        self._dead.forget()
        self._idle = 0
        self._stranger = 0.0
        self._strange_seconds = 0
        self._content = []
        self._suspect_since = None
        self._odd_second = int(record["second"])
        self._learning.clear()
        detail = f"{record['missing_samples']} samples missing"
        return self._told(record, "inconclusive", detail, 0.0, None)

    def _weigh(self, record: Mapping[str, Any], *, off_air: bool, weak: bool) -> Cues:
        """Add the cues of a second to the evidence of a stranger."""
        second = int(record["second"])
        if off_air or weak:
            self._nobody(off_air=off_air)
            return Cues((), 0.0)
        if self._off:
            self.signature.frequency.cooled(self._off)
            self._off = 0
        cues = self._onsets.weigh(second, self._names(record))
        suspicious = suspicious_in(cues)
        if self._idle >= IDLE_S and self._back < ASKED_S:
            # Whoever comes up is asked what he says.
            self._back += 1
            suspicious = "own_pi" not in cues.names
        if not suspicious:
            self._suspect_since = None
        elif self._suspect_since is None:
            self._suspect_since = second
        if self._stranger == 0.0 and cues.weight > 0.0:
            self._strange_since = second
            self._strange_kind = "stranger_on_idle_channel" if self._idle >= IDLE_S else "captured"
        self._stranger = min(max(self._stranger + cues.weight, 0.0), _MOST_EVIDENCE)
        if "own_pi" in cues.names:
            self._stranger = 0.0
        self._strange_seconds = self._strange_seconds + 1 if self._stranger > 0.0 else 0
        if self._stranger == 0.0 and not suspicious:
            self._idle = 0
        return cues

    def _nobody(self, *, off_air: bool) -> None:
        """Take a second in which no carrier was, or none that says anything."""
        self._stranger = 0.0
        self._strange_seconds = 0
        self._suspect_since = None
        self._idle += int(off_air)
        self._off += int(off_air)
        self._back = 0
        if self._off >= IDLE_S:
            self._onsets.forget()

    def _names(self, record: Mapping[str, Any]) -> list[str]:
        """Return the cues of a second."""
        doubts = ["content_other", "content_confirmed"] if self._doubted else []
        names = carrier_cues(record, self._pi, self.signature) + (doubts or self._content)
        self._doubted = False
        self._content = []
        moment = datetime.fromisoformat(str(record["time"]))
        if self._schedule.known and not self._schedule.near(moment, SLOT_GRACE_S):
            names.append("unscheduled")
        if self._idle >= IDLE_S:
            names += back_cues(names)
        return names

    def _finding(
        self, second: int, now: list[Due], cues: Cues
    ) -> tuple[str, str, float, int | None] | None:
        """Return the gravest finding of a second: what it is, why, evidence, beginning."""
        back = self._strange_kind == "stranger_on_idle_channel"
        long = self._strange_seconds >= STRANGER_SECONDS
        if back:
            long = long and self._back >= RETURN_SECONDS
        if self._stranger >= STRANGER_EVIDENCE and long:
            detail = ", ".join(name.replace("_", " ") for name in cues.names)
            return self._strange_kind, detail, self._stranger, self._strange_since
        expected = self.programme.expected(second, now)
        dead = self._dead.found(
            wanted=bool(now) or not self._schedule.known, expected=expected is not None
        )
        if dead is not None:
            return self._broken(dead, second, expected)
        return self.programme.finding()

    def _broken(
        self, dead: Dead, second: int, expected: Expected | None
    ) -> tuple[str, str, float, int]:
        """Return what is missing: the end of a bulletin, if one was being heard."""
        finding, detail, began = dead.finding, dead.detail, second - dead.seconds + 1
        self._state = STATES[finding]
        following = self.programme.following
        if expected is not None and following is not None and dead.unexplained >= CUT_SHORT_S:
            finding = "cut_short"
            detail += f"; {expected.reference} ended at {following.place_s(began):.0f} s"
        return finding, detail, float(dead.seconds), began

    def _speaking(self, second: int) -> bool | None:
        """Tell whether the reference that was being heard speaks now; None if nobody knows."""
        following = self.programme.following
        if following is None:
            return None
        return self._speaks(following.reference, following.place_s(second))

    def _hear(self, answer: Heard, moment: datetime, confirmed: bool | None) -> None:
        """Take an answer, which is about a second some way back."""
        # What was heard of a stranger is not the programme of the station.
        if answer.second <= self._strange_second + 1:
            return
        self._content = self.programme.hear(answer, moment, confirmed=confirmed)
        if "content_own" in self._content:
            self._own_second = answer.second
            # It speaks for the seconds it is about, not for a carrier that has come since.
            if self._suspect_since is not None and answer.second <= self._suspect_since:
                self._content = []

    def doubt(self) -> None:
        """Take the second opinion that the last seconds are not what is due (see `suspects`)."""
        self._doubted = True

    @property
    def suspects(self) -> int | None:
        """Second since which the carrier looks strange, None where it does not."""
        return self._suspect_since

    def _learn(self, second: int, now: list[Due]) -> None:
        """Learn from the seconds some way back that were certainly the own ones."""
        while self._learning and self._learning[0][0]["second"] <= second - _LEARN_AFTER:
            record, cues = self._learning.popleft()
            place = int(record["second"])
            if self._odd_second - _LEARN_GAP <= place <= self._odd_second + _LEARN_GAP:
                continue
            certain = "own_pi" in cues.names or (self._pi is None and place <= self._own_second)
            # A station without PI is learned while nothing speaks against it, in its own time.
            assumed = self._pi is None and (bool(now) or not self._schedule.known)
            if certain or assumed:
                self._take_signature(record)

    def _take_signature(self, record: Mapping[str, Any]) -> None:
        self.signature.learn(record)
        for group in record.get("groups") or ():
            if self._pi and group.startswith(self._pi):
                code = ecc_of(group)
                self.signature.ecc = code if code is not None else self.signature.ecc

    def _ok_detail(self, now: list[Due], *, off_air: bool) -> str:
        if off_air:
            return "off the air, as scheduled" if not now else "no carrier"
        following = self.programme.following
        return f"{following.reference}" if following else ""

    def _told(
        self,
        record: Mapping[str, Any],
        finding: str,
        detail: str,
        evidence: float,
        began: int | None,
    ) -> Verdict:
        raised = finding != self._last and finding not in ("ok", "inconclusive")
        self._last = finding
        return Verdict(
            time=str(record["time"]),
            station=self._station.id,
            second=int(record["second"]),
            finding=finding,
            state=self._state if finding == "cut_short" else STATES[finding],
            detail=detail,
            evidence=evidence,
            raised=raised,
            began_second=began,
        )


def says_something(record: Mapping[str, Any]) -> bool:
    """Tell whether a programme is on the carrier: neither silence nor noise."""
    return not {"silence", "no_audio", "hiss"} & set(record["findings"])


def suspicious_in(cues: Cues) -> bool:
    """Tell whether anything of the carrier looks strange."""
    return not SUSPICIOUS.isdisjoint(cues.names) and "own_pi" not in cues.names


def back_cues(names: list[str]) -> list[str]:
    """Return what a carrier that came up on an idle channel says, by its other cues."""
    if "content_confirmed" in names:
        return ["idle_other"]
    if {"offset_same", "level_same"}.intersection(names):
        return []
    return ["idle_channel"] if {"rds_gone", "pilot_new"}.intersection(names) else []
