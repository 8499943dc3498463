"""What a campaign of station weeks has heard: a line for every sitting, and their table."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.watch.sitting import Heard

STATION_WEEK_S = 7 * 86_400
RULE_OF_THREE = 3.0  # none seen: below 3 / n with 95 %


@dataclass(frozen=True)
class Line:
    """What is kept of a sitting: a line of a results file."""

    which: str
    seed: int
    number: int
    what: str
    seconds: int
    right: int
    inconclusive: int
    cpu_s: float
    alarms: tuple[tuple[int, str, str], ...]  # second, finding, why

    @classmethod
    def of(cls, heard: Heard, which: str, seed: int, cpu_s: float) -> Line:
        """Return the line of a sitting."""
        sitting = heard.sitting
        told = tuple((v.second, v.finding, v.detail) for v in heard.alarms)
        numbers = sitting.number, sitting.what, len(sitting.seconds), heard.right
        return cls(which, seed, *numbers, heard.inconclusive, round(cpu_s, 3), told)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a results file; the last one may have been cut off."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            made = json.loads(text)
            lines.append(Line(**{**made, "alarms": tuple(tuple(told) for told in made["alarms"])}))
    return lines


def table(lines: Sequence[Line]) -> list[str]:
    """Return what was heard as a table."""
    seconds = sum(line.seconds for line in lines)
    weeks = seconds / STATION_WEEK_S
    alarms = sum(len(line.alarms) for line in lines)
    unheard = sum(line.inconclusive for line in lines)
    right = sum(line.right for line in lines)
    cpu_s = sum(line.cpu_s for line in lines)
    # Poisson, 95 % one-sided: 3.0 for none, 4.74 for one, about n + 1.645 √n + 1.7 for more.
    bound = RULE_OF_THREE if alarms == 0 else alarms + 1.645 * np.sqrt(alarms) + 1.7
    return [
        "| seconds | weeks | inconclusive | right alarms | false | a week, below | × real time |",
        "|---|---|---|---|---|---|---|",
        (
            f"| {seconds} | {weeks:.3f} | {100 * unheard / seconds:.1f} % "
            f"| {right} | {alarms} | {bound / weeks:.1f} | {seconds / cpu_s:.0f} |"
        ),
    ]
