"""Benches of the meter in process: ten minutes of stereo int16 against FFmpeg's `ebur128`.

Ours is timed on samples that lie in memory, in pieces of one second as a decoder hands them over.
The peer reads a WAV, which costs it next to nothing beside its filter. Both in CPU seconds.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.material import write_programme
from bench.process_timing import time_command
from bench.row import row
from dsp.measure.loudness_meter import LoudnessMeter
from dsp.measure.programme import ProgrammeMeter

SECONDS = 600.0
RATE_HZ = 48_000
REQUIRED_RATIO = 20.0


def meter_cpu_s(
    kind: type[LoudnessMeter | ProgrammeMeter], samples: npt.NDArray[np.int16]
) -> float:
    """CPU seconds of a meter over `samples` (n, channels)."""
    began_s = time.process_time()
    meter = kind(RATE_HZ, samples.shape[1])
    for first in range(0, len(samples), RATE_HZ):
        meter.process(samples[first : first + RATE_HZ])
    meter.result()
    return time.process_time() - began_s


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time both meters and the peer in turn; medians after one warm-up each.

    `LoudnessMeter` finds what the peer finds; `ProgrammeMeter` also speech level, pauses, hum and
    all faults.
    """
    core, whole_set = {min(os.sched_getaffinity(0))}, os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = write_programme(Path(folder) / "programme.wav", seconds=SECONDS, channels=2)
        samples, _ = sf.read(path, dtype="int16")
        peer = ["ffmpeg", "-nostdin", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null"]
        os.sched_setaffinity(0, core)
        try:
            times = [
                (
                    meter_cpu_s(LoudnessMeter, samples),
                    meter_cpu_s(ProgrammeMeter, samples),
                    time_command([*peer, "-"], pinned=True).cpu_s,
                )
                for _ in range(runs + 1)
            ][1:]
        finally:
            os.sched_setaffinity(0, whole_set)
    narrow_s, full_s, peer_s = (statistics.median(side) for side in zip(*times, strict=True))
    yield _row("I, LRA, max M/S, true peak", narrow_s, peer_s, runs=runs, judged=True)
    yield _row("every figure and fault", full_s, peer_s, runs=runs, judged=False)


def _row(what: str, ours_s: float, peer_s: float, *, runs: int, judged: bool) -> dict[str, Any]:
    ratio = peer_s / ours_s
    return row(
        f"measure 10 min stereo int16 in process, {what}",
        SECONDS / ours_s,
        "× real time per CPU second",
        f"≥ {REQUIRED_RATIO:g} ×" if judged else "as it comes",
        ok=ratio >= REQUIRED_RATIO or not judged,
        peer="ffmpeg ebur128=peak=true",
        peer_value=SECONDS / peer_s,
        ratio=ratio,
        runs=runs,
    )


if __name__ == "__main__":
    for line in rows(runs=5):
        print(line)
