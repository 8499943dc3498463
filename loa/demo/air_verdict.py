"""What a monitor makes of a transmitter's seconds, and whether the scene says the same.

The figures are those of the seconds that were the station's own from edge to edge: groups with its
PI came, and in the seconds before and after as well, so that no carrier came or went within. A
stranger is a carrier of C/N ≥ 15 dB for 2 s or more while no group with the station's PI comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsp.fm.profiles import FmProfile
    from ingest.scene.scene import Station
    from loa.demo.air_programme import Programme

    Records = Sequence[Mapping[str, Any]]

STRANGER_CN_DB = 15.0
STRANGER_S = 2
PEAK_WITHIN_HZ = 2_000.0
SPAN_WITHIN_S = 1.0
ALARM_WITHIN_S = 1.0
SOON_S = 5.0  # an alarm is told within so long of the stranger's first word
DELAY_WITHIN_S = 2e-3  # the scene plays its programmes without delay

Kind = Literal["over_deviation", "stranger", "not_heard"]


@dataclass(frozen=True)
class Notice:
    """Something noticed, in seconds of the reception."""

    kind: Kind
    start_s: int
    end_s: int


@dataclass(frozen=True)
class Heard:
    """One transmitter: what was heard, what is true, what was noticed.

    `heard` and `true` have the same keys, None where there is no figure; `wrong` says where they
    differ by more than they may, and is empty where the receiver and the scene agree.
    """

    station: str
    commune: str
    frequency_hz: float
    limit_hz: float
    heard: Mapping[str, Any]
    true: Mapping[str, Any]
    radiotext: str
    findings: Sequence[str]
    notices: Sequence[Notice]
    wrong: Sequence[str]
    programme: Programme | None = None

    @property
    def holds(self) -> bool:
        """Whether the receiver heard what the scene says."""
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        """Return the object of `loa demo --json`."""
        return {
            "station": self.station,
            "commune": self.commune,
            "frequency_hz": self.frequency_hz,
            "limit_hz": self.limit_hz,
            **self.heard,
            "true": dict(self.true),
            "rt": self.radiotext,
            "findings": list(self.findings),
            "programme": self.programme.as_dict() if self.programme else None,
            "noticed": [vars(notice) for notice in self.notices],
            "wrong": list(self.wrong),
            "holds": self.holds,
        }


def judge(
    station: Station,
    profile: FmProfile,
    records: Records,
    summary: Mapping[str, Any],
    truth: Records,
) -> Heard:
    """Set the records of a station (in order, one a second) beside its truth."""
    pi = station.table.pi.upper()
    limit_hz = profile.limits["peak_deviation_hz"].value
    seconds = own_seconds(records, pi)
    own = [record for record in records if record["second"] in seconds]
    true_records = [truth[record["second"]] for record in own]
    notices = [*strangers(records, pi), *too_strong(own, limit_hz)]
    if not own:
        notices.append(Notice("not_heard", 0, len(records)))
    heard = figures(own, true_records) | {
        "pi": summary.get("pi"),
        "ps": (summary.get("ps") or "").strip(),
    }
    true = figures(true_records, own) | {"pi": pi, "ps": station.table.ps}
    if own and own[-1]["mpx_window_s"] != true_records[-1]["mpx_window_s"]:
        heard["mpx_power_dbr"] = None  # its window reaches back to another signal
    return Heard(
        station=station.id,
        commune=station.table.commune or station.id,
        frequency_hz=station.table.frequency_hz,
        limit_hz=limit_hz,
        heard=heard,
        true=true,
        radiotext=(summary.get("rt") or "").strip(),
        findings=summary["findings"],
        notices=sorted(notices, key=lambda notice: notice.start_s),
        wrong=differences(station, notices, (heard, true), (own, true_records)),
    )


def with_programme(heard: Heard, programme: Programme, station: Station) -> Heard:
    """Add what was broadcast, and where it is not what the scene says."""
    wrong = list(heard.wrong)
    ordered = [f for f in station.faults if f.kind in ("intruder", "capture")]
    strange = [a for a in programme.alarms if a.state in ("intruder", "capture")]
    near = all(
        fault.start_s - ALARM_WITHIN_S <= alarm.began_s and alarm.told_s <= fault.start_s + SOON_S
        for alarm, fault in zip(strange, ordered, strict=False)
    )
    if len(strange) != len(programme.alarms) or len(strange) != len(ordered) or not near:
        wrong.append("the alarms")
    if programme.delay.value is None or abs(programme.delay.value) > DELAY_WITHIN_S:
        wrong.append("the delay")
    return replace(heard, programme=programme, wrong=wrong)


def own_seconds(records: Records, pi: str) -> frozenset[int]:
    """Return the seconds in which the station itself was heard from edge to edge."""
    heard = {record["second"] for record in records if has_pi(record, pi)}
    ends = {-1, len(records)}
    return frozenset(s for s in heard if {s - 1, s + 1} <= heard | ends)


def has_pi(record: Mapping[str, Any], pi: str) -> bool:
    """Tell whether a group of that second begins with the station's PI."""
    return any(group.startswith(pi) for group in record["groups"])


def strangers(records: Records, pi: str) -> list[Notice]:
    """Return when a carrier was there that was not the station's."""
    found: list[Notice] = []
    since: int | None = None
    for second, record in enumerate([*records, None]):
        strange = (
            record is not None
            and (record["cn_db"] or 0.0) >= STRANGER_CN_DB
            and not has_pi(record, pi)
        )
        if strange and since is None:
            since = second
        if not strange and since is not None:
            if second - since >= STRANGER_S:
                found.append(Notice("stranger", since, second))
            since = None
    return found


def too_strong(own: Records, limit_hz: float) -> list[Notice]:
    """Return from when to when the peaks were over the limit for certain."""
    over = [
        record["second"]
        for record in own
        if record["peak_deviation_hz"] is not None
        and record["peak_deviation_hz"] - record["u"]["peak_deviation_hz"] > limit_hz
    ]
    return [Notice("over_deviation", over[0], over[-1] + 1)] if over else []


def figures(records: Records, others: Records) -> dict[str, Any]:
    """Return the figures of a reception or a truth, over the seconds that the other has as well."""

    def valid(key: str) -> list[float]:
        pairs = zip(records, others, strict=True)
        return [mine[key] for mine, its in pairs if None not in (mine[key], its[key])]

    loud = valid("loudness_momentary_lufs")
    power = sum(10.0 ** (value / 10.0) for value in loud)
    return {
        "peak_deviation_hz": max(valid("peak_deviation_hz"), default=None),
        "mpx_power_dbr": next(iter(valid("mpx_power_dbr")[-1:]), None),
        "pilot_hz": _mean(valid("pilot_hz")),
        "rds_hz": _mean(valid("rds_hz")),
        "loudness_lufs": round(10.0 * math.log10(power / len(loud)), 3) if loud else None,
    }


def differences(
    station: Station,
    notices: Sequence[Notice],
    stated: tuple[Mapping[str, Any], Mapping[str, Any]],
    seconds: tuple[Records, Records],
) -> list[str]:
    """Return in words where what was heard is not what the scene says."""
    heard, true = stated
    wrong = []
    pairs = [
        (mine["peak_deviation_hz"], its["peak_deviation_hz"])
        for mine, its in zip(*seconds, strict=True)
    ]
    off = [abs(mine - its) for mine, its in pairs if mine is not None and its is not None]
    if not off or max(off) > PEAK_WITHIN_HZ:
        wrong.append("peak deviation")
    if heard["pi"] != true["pi"]:
        wrong.append("PI")
    over = any(notice.kind == "over_deviation" for notice in notices)
    if over != any(fault.kind == "over_deviation" for fault in station.faults):
        wrong.append("over-deviation")
    spans = [(n.start_s, n.end_s) for n in notices if n.kind == "stranger"]
    ordered = [(f.start_s, f.end_s) for f in station.faults if f.kind == "intruder"]
    near = all(
        abs(mine - its) <= SPAN_WITHIN_S
        for span, order in zip(spans, ordered, strict=False)
        for mine, its in zip(span, order, strict=True)
    )
    if len(spans) != len(ordered) or not near:
        wrong.append("the stranger's seconds")
    return wrong


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None
