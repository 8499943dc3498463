"""One station, second by second: its record, what was recognised, its schedule → what is wrong.

    watch = StationWatch(station, schedule)
    verdict = watch.process(record, answer)          # of loa receive; of the recogniser, or None

No clock, no I/O: times are those of the records. The state is bounded: a learned signature, sums
and counters. A second of which samples are missing is `inconclusive`, raises nothing and ends every
count; what was found before it must be found again.

A stranger is judged by the sum of cues (`cues.WEIGHTS`), which may only grow while the evidence is
against the station, and never below zero (a sequential test, Page 1954): at `STRANGER_EVIDENCE`, in
at least two seconds, it is an alarm. If the own carrier was off just before, it is a
`stranger_on_idle_channel`, else the receiver was `captured`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ingest.receiver.stations import Station
from ingest.watch.cues import CARRIER_CN_DB, SUSPICIOUS, Cues, carrier_cues, ecc_of, weighed
from ingest.watch.programme_watch import Heard, ProgrammeWatch
from ingest.watch.schedule import Due, Schedule
from ingest.watch.signature import Signature
from ingest.watch.verdict import STATES, Verdict

STRANGER_EVIDENCE = 6.0
STRANGER_SECONDS = 2
IDLE_S = 2
SPEAKING_SILENCE_S = 2  # whole seconds: told within 3 s of its beginning
SILENCE_S = 9
HISS_S = 2
OFF_AIR_S = 3
CUT_SHORT_S = 10
_MOST_EVIDENCE = 30.0
_LEARN_GAP = 2  # seconds beside anything odd from which nothing is learned
_LEARN_AFTER = 4  # seconds after which a second is learned: answers come late
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
        self._off = self._silent = self._speaking_silent = self._hissing = 0
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
    ) -> Verdict:
        """Take the record of the next second and an answer about it or an earlier one.

        `confirmed`: see `ProgrammeWatch.hear`. Returns the verdict of the record's second.
        """
        moment = datetime.fromisoformat(str(record["time"]))
        now = self._schedule.due(moment)
        second = int(record["second"])
        if record.get("missing_samples"):
            return self._lost(record)
        if answer is not None:
            self._hear(answer, moment, confirmed)
        self.programme.ended(second, now)
        low = (record.get("cn_db") or 0.0) < CARRIER_CN_DB
        off_air = "off_air" in record["findings"] or (low and "hiss" in record["findings"])
        # A second carrier spoils the noise that C/N is read from.
        weak = low and "co_channel" not in record["findings"]
        cues = self._weigh(record, now, off_air=off_air, weak=weak)
        self._count(record, second, off_air=off_air)
        found = self._finding(second, now, cues)
        if found is None and weak and not off_air:
            return self._told(record, "inconclusive", "weak signal", 0.0, None)
        if found is None:
            if not off_air and not weak and not suspicious_in(cues):
                self._learning.append((record, cues))
            else:
                self._odd_second = second
            self._learn(second, now)
            return self._told(record, "ok", self._ok_detail(now, off_air=off_air), 0.0, None)
        self._odd_second = second
        if found[0] in STRANGERS:
            self._strange_second = second
        return self._told(record, *found)

    def _lost(self, record: Mapping[str, Any]) -> Verdict:
        self._off = self._silent = self._speaking_silent = self._hissing = self._idle = 0
        self._stranger = 0.0
        self._strange_seconds = 0
        self._content = []
        self._suspect_since = None
        self._odd_second = int(record["second"])
        self._learning.clear()
        detail = f"{record['missing_samples']} samples missing"
        return self._told(record, "inconclusive", detail, 0.0, None)

    def _weigh(
        self, record: Mapping[str, Any], now: list[Due], *, off_air: bool, weak: bool
    ) -> Cues:
        """Add the cues of a second to the evidence of a stranger."""
        second = int(record["second"])
        if off_air or weak:
            self._stranger = 0.0
            self._strange_seconds = 0
            self._suspect_since = None
            self._idle += int(off_air)
            return Cues((), 0.0)
        doubts = ["content_other", "content_confirmed"] if self._doubted else []
        names = carrier_cues(record, self._pi, self.signature) + (doubts or self._content)
        self._doubted = False
        if self._schedule.known and not now:
            names.append("unscheduled")
        if self._idle >= IDLE_S and "rds_gone" in names:
            names.append("idle_channel")
        self._content = []
        cues = weighed(names)
        suspicious = suspicious_in(cues)
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

    def _count(self, record: Mapping[str, Any], second: int, *, off_air: bool) -> None:
        """Count seconds off the air, silent, hissing."""
        findings = record["findings"]
        self._off = self._off + 1 if off_air else 0
        silent = not off_air and ("silence" in findings or "no_audio" in findings)
        self._silent = self._silent + 1 if silent else 0
        following = self.programme.following
        speaking = following is not None and (
            self._speaks(following.reference, following.place_s(second)) or False
        )
        self._speaking_silent = self._speaking_silent + 1 if silent and speaking else 0
        # A carrier without modulation whose own noise is heard is silent.
        hissing = not off_air and "hiss" in findings and "no_audio" not in findings
        self._hissing = self._hissing + 1 if hissing else 0

    def _finding(
        self, second: int, now: list[Due], cues: Cues
    ) -> tuple[str, str, float, int | None] | None:
        """Return the gravest finding of a second: what it is, why, evidence, beginning."""
        if self._stranger >= STRANGER_EVIDENCE and self._strange_seconds >= STRANGER_SECONDS:
            detail = ", ".join(name.replace("_", " ") for name in cues.names)
            return self._strange_kind, detail, self._stranger, self._strange_since
        wanted = bool(now) or not self._schedule.known
        expected = self.programme.expects(second, now)
        if self._off >= OFF_AIR_S and (wanted or expected):
            return self._broken("off_air", "no carrier", self._off, second, expected)
        if self._hissing >= HISS_S and wanted:
            return self._broken("hiss", "noise in place of audio", self._hissing, second, expected)
        if self._speaking_silent >= SPEAKING_SILENCE_S:
            return self._broken(
                "silence", "the reference speaks", self._speaking_silent, second, expected
            )
        if self._silent >= SILENCE_S and wanted:
            return self._broken("silence", "silence in a slot", self._silent, second, expected)
        return self.programme.finding()

    def _broken(
        self, finding: str, detail: str, seconds: int, second: int, expected: str | None
    ) -> tuple[str, str, float, int]:
        """Return a finding that ends a bulletin early, if one was being heard."""
        self._state = STATES[finding]
        if expected and self.programme.following:
            place_s = self.programme.following.place_s(second - seconds + 1)
            if seconds >= CUT_SHORT_S:
                finding, detail = "cut_short", f"{detail}; {expected} ended at {place_s:.0f} s"
        return finding, detail, float(seconds), second - seconds + 1

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


def suspicious_in(cues: Cues) -> bool:
    """Tell whether anything of the carrier looks strange."""
    return not SUSPICIOUS.isdisjoint(cues.names) and "own_pi" not in cues.names
