"""Times whole commands as a user waits for them: start, work, answer; ours and the peer in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOA = str(Path(sys.executable).with_name("loa"))  # the command of this environment


@dataclass(frozen=True)
class Timing:
    """Wall and CPU seconds of one finished run (CPU: of the process and all its children)."""

    wall_s: float
    cpu_s: float


def time_command(command: Sequence[str], *, pinned: bool) -> Timing:
    """Run `command` once, on one core if `pinned`; its output is thrown away."""
    cpus = {min(os.sched_getaffinity(0))}
    began_s, before = time.perf_counter(), os.times()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if pinned else None,
    )
    after = os.times()
    cpu_s = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    return Timing(time.perf_counter() - began_s, cpu_s)


def median_in_turn(
    ours: Sequence[str], peer: Sequence[str] | None, *, runs: int, pinned: bool
) -> tuple[Timing, Timing | None]:
    """Run both in turn, one warm-up and then `runs` times each; return the medians."""
    ours_runs: list[Timing] = []
    peer_runs: list[Timing] = []
    for _ in range(runs + 1):
        ours_runs.append(time_command(ours, pinned=pinned))
        if peer:
            peer_runs.append(time_command(peer, pinned=pinned))
    return _median(ours_runs[1:]), _median(peer_runs[1:]) if peer else None


def _median(runs: list[Timing]) -> Timing:
    return Timing(
        statistics.median(run.wall_s for run in runs), statistics.median(run.cpu_s for run in runs)
    )
