"""The line of a station and second, `time station state finding detail u` (`loa monitor`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# finding: state (a fault kind of the contract)
STATES: dict[str, str] = {
    "stranger_on_idle_channel": "intruder",
    "captured": "capture",
    "wrong_programme": "wrong_programme",
    "out_of_slot": "wrong_programme",
    "cut_short": "off_air",  # or what ended it
    "off_air": "off_air",
    "silence": "no_audio",
    "hiss": "hiss",
    "ok": "ok",
    "inconclusive": "inconclusive",
}


@dataclass(frozen=True)
class Verdict:
    """What is found in one second.

    Attributes
    ----------
    time, station, second
        As in the record.
    finding
        A key of `STATES`, or "ok", "inconclusive".
    state
        The fault kind it belongs to.
    detail
        Why, in a few words: the cues that weighed, or what is due.
    evidence
        Sum of the weights that raised the finding (natural logarithm of odds); 0 for none.
    raised
        Whether this second is the first of the finding: the alarm.
    began_second
        Second in which what was found began, to 1 s (`u`).
    """

    time: str
    station: str
    second: int
    finding: str
    state: str
    detail: str = ""
    evidence: float = 0.0
    raised: bool = False
    began_second: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the line, JSON ready."""
        return {
            "time": self.time,
            "station": self.station,
            "second": self.second,
            "state": self.state,
            "finding": self.finding,
            "detail": self.detail,
            "evidence": round(self.evidence, 2),
            "raised": self.raised,
            "began_second": self.began_second,
            "u": {} if self.began_second is None else {"began_second": 1.0},
        }
