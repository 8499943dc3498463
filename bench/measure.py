"""Benches of the meter in process: ten minutes of stereo int16 against FFmpeg's `ebur128`.

Ours is timed on samples that lie in memory, in pieces of one second as a decoder hands them over.
The peer reads a WAV, which costs it next to nothing beside its filter. Both in CPU seconds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.command import row
from bench.material import write_programme
from bench.process_timing import time_command
from dsp.measure.programme import ProgrammeMeter

SECONDS = 600.0
RATE_HZ = 48_000
REQUIRED_RATIO = 20.0


def meter_cpu_s(samples: npt.NDArray[np.int16]) -> float:
    """CPU seconds of the whole programme meter over `samples` (n, channels)."""
    began_s = time.process_time()
    meter = ProgrammeMeter(RATE_HZ, samples.shape[1])
    for first in range(0, len(samples), RATE_HZ):
        meter.process(samples[first : first + RATE_HZ])
    meter.result()
    return time.process_time() - began_s


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time the meter and the peer in turn; medians after one warm-up each.

    The programme meter is the narrowest public part with all of integrated, range, momentary,
    short-term and true peak; it also finds speech level, pauses, hum and faults in the same time.
    """
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = write_programme(Path(folder) / "programme.wav", seconds=SECONDS, channels=2)
        samples, _ = sf.read(path, dtype="int16")
        peer = ["ffmpeg", "-nostdin", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null"]
        pairs = [
            (meter_cpu_s(samples), time_command([*peer, "-"], pinned=True).cpu_s)
            for _ in range(runs + 1)
        ][1:]
    ours_s, peer_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = peer_s / ours_s
    yield row(
        "measure 10 min stereo int16 in process, every figure and fault",
        SECONDS / ours_s,
        "× real time per CPU second",
        f"≥ {REQUIRED_RATIO:g} ×",
        ok=ratio >= REQUIRED_RATIO,
        peer="ffmpeg ebur128=peak=true",
        peer_value=SECONDS / peer_s,
        ratio=ratio,
        runs=runs,
    )


if __name__ == "__main__":
    for line in rows(runs=5):
        print(line)
