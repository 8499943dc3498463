"""How soon a trial's fault was told, what was told without reason, and the table's line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.proportion import Proportion
from bench.watch.programmes import RATE_HZ, Programmes
from bench.watch.trial import KINDS, Trial
from ingest.watch.verdict import Verdict

ECHO_S = 5.0  # after a fault's end it may still be told
_SPEAKS_DB = -30.0
_FRAME = RATE_HZ // 50


@dataclass(frozen=True)
class Score:
    """`after_s`: the alarm after the beginning of what it tells, None for never; what was false."""

    trial: Trial
    after_s: float | None
    false: tuple[Verdict, ...]

    @property
    def in_time(self) -> bool:
        """Whether it was found within the time asked for; True where there was nothing to find."""
        kind = KINDS[self.trial.kind]
        return not kind.findings or (self.after_s is not None and self.after_s <= kind.within_s)


def score(trial: Trial, verdicts: Sequence[Verdict], programmes: Programmes) -> Score:
    """Return the score of a trial; a second's verdict is there when the second has ended."""
    begins_s = beginning_s(trial, programmes)
    right = KINDS[trial.kind].findings
    found = [
        v.second + 1 - begins_s
        for v in verdicts
        if v.finding in right and v.second + 1 > trial.start_s
    ]
    lead_s = max((trial.start_s - fault.start_s for fault in trial.faults), default=0.0)
    false = tuple(
        v
        for v in verdicts
        if v.raised
        and not (trial.faults and trial.start_s - lead_s <= v.second + 1 <= trial.end_s + ECHO_S)
    )
    return Score(trial, found[0] if found else None, false)


def beginning_s(trial: Trial, programmes: Programmes) -> float:
    """Return when what is to be found begins: silence, when the reference speaks on."""
    if trial.kind != "silence":
        return trial.start_s
    sound = programmes.excerpt(trial.own, trial.own_from_s + trial.start_s, 4.0)
    power = np.mean(sound.reshape(-1, _FRAME).astype(np.float64) ** 2, axis=1)
    loud = float(np.quantile(power, 0.9)) * 10.0 ** (_SPEAKS_DB / 10.0)
    return trial.start_s + float(np.argmax(power > loud)) * _FRAME / RATE_HZ


def table(scores: Sequence[Score]) -> list[str]:
    """Return the lines of a table, one for each kind."""
    lines = [
        "| fault | trials | found in time | Wilson 95 % | asked | median s | slowest s | false |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        own = [s for s in scores if s.trial.kind == name]
        false = sum(len(s.false) for s in own)
        if own and not kind.findings:
            lines.append(f"| {kind.words} | {len(own)} | – | – | – | – | – | {false} |")
        elif own:
            found = [s.after_s for s in own if s.after_s is not None]
            share = Proportion(sum(s.in_time for s in own), len(own))
            low, high = share.interval()
            middle = f"{np.median(found):.1f} | {max(found):.1f}" if found else "– | –"
            lines.append(
                f"| {kind.words} | {len(own)} | {100 * share.hits / len(own):.1f} % "
                f"| {100 * low:.1f}–{100 * high:.1f} | 95 % in {kind.within_s:.0f} s "
                f"| {middle} | {false} |"
            )
    return lines
