"""What came of the performance: said the same, how far apart, the emergency, the forgery."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from dsp.contract import Samples
from dsp.receive.meters.figure import Figure
from ingest.clock import Clock, SystemClock
from loa.demo.joined.hearing import Horn, alert_after_s, apart, loudness_lufs, on_the_air, says
from loa.demo.joined.performance import EMERGENCY_AT, Performance, perform, tap_of
from loa.demo.joined.stage import HORNS, RELAY, THROUGH_MS, set_stage
from loa.tables import number

if TYPE_CHECKING:
    from rich.table import Table

MOST_APART_MS = 5.0
MOST_DIFFERENCE_LU = 0.5
MOST_ALERT_S = {"IP": 1.0, "FM": 3.0}  # FM waits for the relay's own delay
FM_HORN = "fm"
# After the relay began: when the loudspeakers have settled in step, before the emergency.
_HEARD_S = (5.5, 11.5)


@dataclass(frozen=True)
class HornReport:
    """One horn; `late` in seconds against the first, `disk_s` what its door waited for its disk."""

    name: str
    path: str
    says_bulletin: bool
    late: Figure
    loudness_lufs: float | None
    alert_s: float | None
    refused: str | None
    disk_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return its part of `loa demo --json`."""
        valid = self.late.invalid is None
        return {
            "horn": self.name,
            "path": self.path,
            "says_bulletin": self.says_bulletin,
            "late_ms": round(1e3 * (self.late.value or 0.0), 3) if valid else None,
            "loudness_lufs": None if self.loudness_lufs is None else round(self.loudness_lufs, 2),
            "alert_s": None if self.alert_s is None else round(self.alert_s, 3),
            "refused": self.refused,
            "disk_s": None if self.disk_s is None else round(self.disk_s, 4),
            "u": {"late_ms": round(1e3 * (self.late.u or 0.0), 3)} if valid else {},
            "invalid": {} if valid else {"late_ms": self.late.invalid},
        }


@dataclass(frozen=True)
class JoinedReport:
    """All horns; `apart` of every pair.

    `stalls` is how often the machine that played them all stood still; `before` what was wrong with
    the performance before this one, where there was one.
    """

    horns: list[HornReport]
    apart: dict[tuple[str, str], Figure]
    stalls: int = 0
    before: tuple[str, ...] = ()

    @property
    def apart_ms(self) -> float | None:
        """Largest distance between two horns, its uncertainty added; None where one is unknown."""
        if any(one.invalid is not None for one in self.apart.values()):
            return None
        return max(1e3 * (abs(one.value or 0.0) + (one.u or 0.0)) for one in self.apart.values())

    @property
    def difference_lu(self) -> float | None:
        """By how much the loudest is louder than the softest."""
        known = [one.loudness_lufs for one in self.horns if one.loudness_lufs is not None]
        return max(known) - min(known) if len(known) == len(self.horns) else None

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be."""
        apart_ms, difference_lu = self.apart_ms, self.difference_lu
        found = [f"{one.name} does not say it" for one in self.horns if not one.says_bulletin]
        if apart_ms is None or apart_ms > MOST_APART_MS:
            found.append(f"apart by {number(apart_ms, 1)} ms")
        if difference_lu is None or difference_lu > MOST_DIFFERENCE_LU:
            found.append(f"loudness differs by {number(difference_lu, 1)} LU")
        for one in self.horns:
            if one.alert_s is None or one.alert_s > MOST_ALERT_S[one.path]:
                disk = "" if one.disk_s is None else f" ({number(one.disk_s, 2)} of it the disk)"
                found.append(f"{one.name}: alert after {number(one.alert_s, 2)} s{disk}")
            if one.refused is None:
                found.append(f"{one.name} did not refuse the forgery")
        if found and self.stalls:
            found.append(f"the machine stood still {self.stalls} times: others use it")
        return found

    @property
    def holds(self) -> bool:
        """Whether everything is as it should be."""
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        """Return its line of `loa demo --json`."""
        return {
            "relay": [one.as_dict() for one in self.horns],
            "apart_ms": None if self.apart_ms is None else round(self.apart_ms, 3),
            "difference_lu": None if self.difference_lu is None else round(self.difference_lu, 2),
            "stalls": self.stalls,
            "before": list(self.before),
            "holds": self.holds,
            "wrong": self.wrong,
        }


def demonstrate_joined(
    bulletin: Path,
    sound: Samples,
    progress: Callable[[str, float], None],
    clock: Clock | None = None,
) -> JoinedReport:
    """Relay the bulletin to two loudspeakers and an FM horn; `sound` is it, mono at 48 kHz.

    Raises
    ------
    Refusal
        Where a program cannot run.
    """
    clock = clock or SystemClock()
    first = _performed(bulletin, sound, progress, clock)
    if first.holds:
        return first
    # Once more, for a machine that others use; what went wrong is told all the same.
    return replace(_performed(bulletin, sound, progress, clock), before=tuple(first.wrong))


def _performed(
    bulletin: Path, sound: Samples, progress: Callable[[str, float], None], clock: Clock
) -> JoinedReport:
    with tempfile.TemporaryDirectory(prefix="loa-demo-") as name:
        folder = Path(name)
        (folder / bulletin.name).write_bytes(bulletin.read_bytes())
        stage = set_stage(folder, bulletin)
        performance = perform(stage, clock, progress)
        progress("heard side by side", 0.5)
        fm = on_the_air(stage.path("exciter.wav"), clock)
        horns = []
        for horn in HORNS:
            tap, _ = soundfile.read(tap_of(stage, horn), dtype="float32")
            horns.append(Horn(horn, "IP", tap, performance.begun_unix_s[horn]))
        # As it was by then: where the machine stood still later on, FM went on later too.
        begun_s = performance.relay[EMERGENCY_AT - 1]["begun_unix_s"]
        horns.append(Horn(FM_HORN, "FM", fm, begun_s))
        return judge(horns, performance, begun_s, sound)


def judge(
    horns: list[Horn], performance: Performance, begun_s: float, bulletin: Samples
) -> JoinedReport:
    """Set the horns side by side."""
    from_s, to_s = (begun_s + THROUGH_MS / 1000 + at for at in _HEARD_S)
    sounds = {
        horn.name: np.ascontiguousarray(horn.between(from_s, to_s - THROUGH_MS / 1000))
        for horn in horns
    }
    pairs = apart(sounds)
    first = horns[0].name
    reports = [
        HornReport(
            horn.name,
            horn.path,
            says(bulletin, sounds[horn.name]),
            Figure(0.0, 0.0) if horn.name == first else pairs[first, horn.name],
            loudness_lufs(sounds[horn.name]),
            alert_after_s(horn, performance.sent_unix_s),
            *_door(performance.news[RELAY if horn.path == "FM" else horn.name]),
        )
        for horn in horns
    ]
    return JoinedReport(reports, pairs, performance.stalls)


def _door(news: list[dict[str, Any]]) -> tuple[str | None, float | None]:
    """Return why the forged announcement was refused, and how long the disk took for the right."""
    kinds = [line["kind"] for line in news if line["event"] == "refused"]
    took_s = [line["took_ms"] / 1000 for line in news if "took_ms" in line]
    return kinds[0] if kinds else None, took_s[0] if took_s else None


def joined_table(report: JoinedReport) -> Table:
    """Return the horns side by side, for a terminal."""
    from rich.table import Table

    title = "Through loa relay: one bulletin, IP and FM"
    table = Table(title=title, title_justify="left")
    table.add_column("horn")
    for horn in report.horns:
        table.add_column(f"{horn.name} ({horn.path})")
    rows = (
        ("says the bulletin", lambda one: "yes" if one.says_bulletin else "NO"),
        ("later than the first by ms", _late),
        ("loudness LUFS", lambda one: number(one.loudness_lufs, 1)),
        ("alert after s", lambda one: number(one.alert_s, 2)),
        ("forged announcement", _forged),
    )
    for heading, tell in rows:
        table.add_row(heading, *[tell(horn) for horn in report.horns])
    if report.before:
        table.add_row("the performance before", "NO: " + ", ".join(report.before))
    table.add_row("as it should be", "yes" if report.holds else "NO: " + ", ".join(report.wrong))
    return table


def _late(one: HornReport) -> str:
    if one.late.invalid is not None or one.late.value is None or one.late.u is None:
        return "–"
    return f"{1e3 * one.late.value:.2f} ± {1e3 * one.late.u:.2f}"


def _forged(one: HornReport) -> str:
    return "NOT REFUSED" if one.refused is None else f"refused ({one.refused})"
