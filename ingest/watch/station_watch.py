"""One station, second by second: its record, what was recognised, its schedule → what is wrong.

    watch = StationWatch(station, schedule)
    verdict = watch.process(record, answer)          # of loa receive; of the recogniser, or None

No clock, no I/O: times are those of the records. The state is bounded: a learned signature, sums
and counters. A second of which samples are missing is `inconclusive`, raises nothing and ends every
count; what was found before it must be found again.

Three ask by themselves, and the gravest finding is told: is a stranger on the channel
(`stranger_watch`), is anything missing on the air (`dead_air`), is what is heard what is due
(`programme_watch`)?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ingest.receiver.stations import Station
from ingest.watch.carrier_presence import CarrierPresence
from ingest.watch.certain_seconds import CertainSeconds
from ingest.watch.cues import CARRIER_CN_DB, Cues
from ingest.watch.dead_air import Dead, DeadAir, Quiet
from ingest.watch.programme_watch import (
    SLOT_GRACE_S,
    Expected,
    Following,
    Heard,
    ProgrammeWatch,
)
from ingest.watch.schedule import Due, Schedule
from ingest.watch.signature import Signature
from ingest.watch.stranger_watch import StrangerWatch, suspicious_in
from ingest.watch.verdict import STATES, Verdict

CUT_SHORT_S = 8
STRANGERS = ("captured", "stranger_on_idle_channel")

Speaks = Callable[[str, float], bool | None]
Finding = tuple[str, str, float, int | None]  # what it is, why, evidence, beginning


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
        pi = station.pi.upper() if station.pi else None
        self._station = station
        self._schedule = schedule
        self._speaks = speaks or (lambda _reference, _place_s: None)
        self.signature = Signature()
        self.programme = ProgrammeWatch(schedule, lengths_s)
        self.stranger = StrangerWatch(pi, self.signature)
        self._lessons = CertainSeconds(pi, self.signature)
        self._carrier = CarrierPresence()
        self._dead = DeadAir()
        self._strange_second = -(10**9)
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
        lost = bool(record.get("missing_samples"))
        if answer is not None and not lost:
            self._hear(answer, moment, confirmed)
        if place is not None and place.second > self._strange_second + 1:
            self.programme.found(place)  # also by what is left of a second
        if lost:
            return self._lost(record)
        self.programme.ended(second, now)
        low = (record.get("cn_db") or 0.0) < CARRIER_CN_DB
        off_air = self._carrier.is_off(record)
        # A second carrier spoils the noise that C/N is read from.
        weak = low and "co_channel" not in record["findings"]
        cues = self._weigh(record, moment, off_air=off_air, weak=weak)
        speaking = self._speaking(second)
        self._dead.take(record, off_air=off_air, weak=weak, speaking=speaking, quiet=quiet)
        self.programme.carry(moment, programme=not off_air and not weak and says_something(record))
        found = self._finding(second, now, cues)
        if found is not None:
            self._lessons.odd(second)
            if found[0] in STRANGERS:
                self._strange_second = second
            return self._told(record, *found)
        if weak and not off_air:
            return self._told(record, "inconclusive", "weak signal", 0.0, None)
        own = "content_own" in cues.names  # whatever the carrier looks like now
        if not off_air and not weak and (own or not suspicious_in(cues)):
            self._lessons.good(record, cues)
        else:
            self._lessons.odd(second)
        self._lessons.learn(second, in_slot=bool(now) or not self._schedule.known)
        return self._told(record, "ok", self._ok_detail(now, off_air=off_air), 0.0, None)

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
        self.stranger.forget()
        self._lessons.lost(int(record["second"]))
        detail = f"{record['missing_samples']} samples missing"
        return self._told(record, "inconclusive", detail, 0.0, None)

    def _hear(self, answer: Heard, moment: datetime, confirmed: bool | None) -> None:
        """Take an answer, which is about a second some way back."""
        # What was heard of a stranger is not the programme of the station.
        if answer.second <= self._strange_second + 1:
            return
        names = self.programme.hear(answer, moment, confirmed=confirmed)
        if "content_own" in names:
            self._lessons.own(answer.second)
        self.stranger.hear(names, answer.second)

    def _weigh(
        self, record: Mapping[str, Any], moment: datetime, *, off_air: bool, weak: bool
    ) -> Cues:
        if off_air or weak:
            self.stranger.nobody(off_air=off_air)
            return Cues((), 0.0)
        known = self._schedule.known
        unscheduled = known and not self._schedule.near(moment, SLOT_GRACE_S)
        return self.stranger.take(record, unscheduled=unscheduled)

    def _finding(self, second: int, now: list[Due], cues: Cues) -> Finding | None:
        """Return the gravest finding of a second."""
        expected = self.programme.expected(second, now)
        followed = expected is not None and expected.place_s is not None
        strange = self.stranger.finding(second, cues, followed=followed)
        if strange is not None:
            return strange.finding, strange.detail, strange.evidence, strange.since
        dead = self._dead.found(
            wanted=bool(now) or not self._schedule.known, expected=expected is not None
        )
        if dead is not None:
            return self._broken(dead, second, expected)
        return self.programme.finding()

    def _broken(self, dead: Dead, second: int, expected: Expected | None) -> Finding:
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
