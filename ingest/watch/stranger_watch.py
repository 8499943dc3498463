"""Is a stranger on the channel? The cues of one station's seconds, added up.

Evidence is the sum of cues (`cues.WEIGHTS`), which may only grow while it is against the station,
and never below zero (a sequential test, Page 1954): at `STRANGER_EVIDENCE`, in at least two
seconds, it is a finding. Where a bulletin is being followed it takes three: what is heard since the
carrier looks strange is first set beside the bulletin. A carrier that goes on with what is due is
the station, whatever else it looks like; only a foreign PI says more. A bulletin that broke off
just then is heard to in three seconds, and counts as so many.

If the own carrier was off just before, it is a `stranger_on_idle_channel`, else the receiver was
`captured`. In its first seconds a carrier that comes up is given time to send its RDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.watch.cues import SUSPICIOUS, Cues, carrier_cues
from ingest.watch.onsets import Onsets
from ingest.watch.signature import Signature

STRANGER_EVIDENCE = 6.0
STRANGER_SECONDS = 2
RETURN_SECONDS = 3  # a carrier that comes up may be the own one, whose RDS takes two seconds
DOUBT_S = 3  # whole seconds of sound that a second opinion needs
JUST_S = 6  # seconds since it looks strange in which a bulletin broke off together with that
ASKED_S = 5  # seconds in which a carrier that came back is asked for its content
IDLE_S = 2
_MOST_EVIDENCE = 12.0  # it is over soon after what made it


@dataclass(frozen=True)
class Strange:
    """A stranger: of which kind, by which cues, with how much evidence, and since when."""

    finding: str
    detail: str
    evidence: float
    since: int | None


class StrangerWatch:
    """The sum of one station; see the module. Bounded: counters, and one entry a cue.

    Parameters
    ----------
    pi
        Of the station, None where it has none.
    signature
        Its carrier, learned by somebody else; told here how long the transmitter was off.
    """

    def __init__(self, pi: str | None, signature: Signature) -> None:
        self._pi = pi
        self._signature = signature
        self._onsets = Onsets()
        self._content: list[str] = []
        self._about = 0  # the second that it is about
        self._opinion: list[str] = []
        self._evidence = 0.0
        self._seconds = 0
        self._since: int | None = None
        self._kind = "captured"
        self._idle = 0  # seconds without a carrier up to now
        self._off = 0  # the same, for how far the own transmitter has cooled
        self._back = 0  # seconds since a carrier came back
        self.suspect_since: int | None = None

    def hear(self, names: list[str], second: int) -> None:
        """Take the content cues of an answer, which is about a second some way back."""
        self._content, self._about = names, second

    def judge_content(self, *, same: bool) -> None:
        """Take the second opinion on `DOUBT_S` seconds or more since the carrier looks strange."""
        self._opinion = ["content_own"] if same else ["content_other", "content_confirmed"]

    @property
    def asks(self) -> bool:
        """Whether a second opinion can still turn the balance."""
        return self._evidence > 0.0

    def take(self, record: Mapping[str, Any], *, unscheduled: bool) -> Cues:
        """Add a second in which a carrier is heard; return its cues."""
        second = int(record["second"])
        if self._off:
            self._signature.frequency.cooled(self._off)
            self._off = 0
        cues = self._onsets.weigh(second, self._names(record, unscheduled=unscheduled))
        self._suspect(second, cues)
        if self._evidence == 0.0 and cues.weight > 0.0:
            self._since = second
            self._kind = "stranger_on_idle_channel" if self._idle >= IDLE_S else "captured"
        self._evidence = min(max(self._evidence + cues.weight, 0.0), _MOST_EVIDENCE)
        if is_own(cues):
            self._evidence = 0.0
        seconds = DOUBT_S if "content_broke_off" in cues.names else 1
        self._seconds = self._seconds + seconds if self._evidence > 0.0 else 0
        if self._evidence == 0.0 and self.suspect_since is None:
            self._idle = 0
        return cues

    def nobody(self, *, off_air: bool) -> None:
        """Take a second in which no carrier was, or none that says anything."""
        self._evidence = 0.0
        self._seconds = 0
        self.suspect_since = None
        self._idle += int(off_air)
        self._off += int(off_air)
        self._back = 0
        if self._off >= IDLE_S:
            self._onsets.forget()

    def forget(self) -> None:
        """Take a second of which samples are missing: every count ends."""
        self._idle = 0
        self._evidence = 0.0
        self._seconds = 0
        self._content, self._opinion = [], []
        self.suspect_since = None

    def finding(self, second: int, cues: Cues, *, followed: bool) -> Strange | None:
        """Return the stranger of the second just taken; `followed`: its content can be told."""
        if self._evidence < STRANGER_EVIDENCE or self._seconds < STRANGER_SECONDS:
            return None
        if self._kind == "stranger_on_idle_channel" and self._back < RETURN_SECONDS:
            return None
        since = self.suspect_since
        unasked = followed and since is not None and second - since + 1 < DOUBT_S
        if unasked and "other_pi" not in cues.names:
            return None
        detail = ", ".join(name.replace("_", " ") for name in cues.names)
        return Strange(self._kind, detail, self._evidence, self._since)

    def _suspect(self, second: int, cues: Cues) -> None:
        """Keep since when the carrier looks strange: whoever comes up is asked what he says."""
        suspicious = suspicious_in(cues)
        if self._idle >= IDLE_S and self._back < ASKED_S:
            self._back += 1
            suspicious = "own_pi" not in cues.names
        if not suspicious:
            self.suspect_since = None
        elif self.suspect_since is None:
            self.suspect_since = second

    def _names(self, record: Mapping[str, Any], *, unscheduled: bool) -> list[str]:
        """Return the cues of a second."""
        second = int(record["second"])
        names = carrier_cues(record, self._pi, self._signature)
        names += self._opinion or self._fresh(names, second)
        since = self.suspect_since
        if "content_other" in self._opinion and since is not None and second - since < JUST_S:
            names.append("content_broke_off")
        self._content, self._opinion = [], []
        if unscheduled:
            names.append("unscheduled")
        if self._idle >= IDLE_S:
            names += back_cues(names)
        return names

    def _fresh(self, carrier: list[str], second: int) -> list[str]:
        """Return the content cues, but for what is due and was heard before a carrier came."""
        since = self.suspect_since
        if since is None and not SUSPICIOUS.isdisjoint(carrier):
            since = second
        stale = since is not None and self._about <= since
        return [] if stale and "content_own" in self._content else self._content


def is_own(cues: Cues) -> bool:
    """Tell whether a second is certainly the station's: its PI, or what is due and no other PI."""
    return "own_pi" in cues.names or ("content_own" in cues.names and "other_pi" not in cues.names)


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
