"""Bench of the RDS receiver: groups at graded noise and CPU time, beside gr-rds.

    python -m bench.receive.rds

One FM carrier with programme, pilot and 2 kHz of RDS at falling carrier-to-noise ratio (in
200 kHz), demodulated once; both receivers get the same multiplex. Prints a table, then rows as
`loa bench` has them. Without Debian's gnuradio and gr-rds the peer's columns are empty.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.signal

from bench.row import row
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.coder.rds_waveform import RdsWaveform
from dsp.receive.rds.receiver import RdsReceiver
from dsp.receive.rds.station import RdsStation

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE_HZ = 288_000
PIECE = RATE_HZ // 10
SECONDS = 20
CN_DB = (30, 22, 20, 19, 18, 17, 16, 15)
PEER = Path(__file__).parents[1] / "peers" / "gr_rds.py"
REQUIRED_NS = 6.0
Multiplex = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """Groups right and wrong, seconds of signal until the first came, CPU seconds."""

    right: int
    wrong: int
    first_s: float | None
    cpu_s: float


def content(seed: int) -> RdsContent:
    """Return a station whose groups all differ, so that each can be told from the others."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 1 << 16, (400, 3)).tolist()
    # Groups 6A and 6B with anything in them.
    raw = tuple(f"7001{0x6000 | b & 0x0FFF:04X}{c:04X}{d:04X}" for b, c, d in words)
    return RdsContent(pi=0x7001, ps="TRAVINH", raw=raw)


def multiplex(seed: int, cn_db: float) -> tuple[set[str], Multiplex]:
    """Return the groups sent and the demodulated multiplex."""
    n, station, rng = SECONDS * RATE_HZ, content(seed), np.random.default_rng(seed)
    turns = np.arange(n)
    wave = RdsWaveform(RATE_HZ, 0.0, peak=0.02).next(n, RdsScheduler(station)).astype(np.float64)
    wave += 0.0675 * np.sin(2 * np.pi * (19_000 * turns % RATE_HZ) / RATE_HZ)
    wave += 0.2 * np.sin(2 * np.pi * (1_000 * turns % RATE_HZ) / RATE_HZ)
    iq = np.exp(2j * np.pi * np.cumsum(wave) * (100_000 / RATE_HZ))
    sigma = math.sqrt(10.0 ** (-cn_db / 10.0) * RATE_HZ / 200_000 / 2.0)
    iq += sigma * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    step = np.angle(iq[1:] * np.conj(iq[:-1])) * (RATE_HZ / 2 / np.pi / 100_000)
    sent = {g.group for g in RdsScheduler(station).groups_until(bit_at(SECONDS))}
    return sent, step.astype(np.float32)


def ours(sent: set[str], samples: Multiplex) -> Result:
    """Receive `samples`, 0.1 s at a time, with the station's state kept."""
    receiver, station = RdsReceiver(), RdsStation()
    whole: list[str] = []
    began_s = time.process_time()
    for start in range(0, len(samples), PIECE):
        for group in receiver.process(samples[start : start + PIECE]):
            station.take(group)
            if group.whole:
                whole.append(group.hex())
        # Once a second, as the station's report is.
        if start % RATE_HZ == 0:
            station.state()
    cpu_s = time.process_time() - began_s
    right = sum(g in sent for g in whole)
    return Result(right, len(whole) - right, first_whole_s(samples), cpu_s)


def first_whole_s(samples: Multiplex) -> float | None:
    """Return how much signal is wanted until a whole group is given, in steps of 10 ms."""
    receiver, step = RdsReceiver(), RATE_HZ // 100
    for start in range(0, len(samples), step):
        if any(group.whole for group in receiver.process(samples[start : start + step])):
            return (start + step) / RATE_HZ
    return None


def gr_rds(sent: set[str], samples: Multiplex, folder: Path) -> Result | None:
    """Let gr-rds receive the same; None where it is not installed."""
    path = folder / "multiplex.f32"
    slower = scipy.signal.resample_poly(samples, 5, 6, window=("kaiser", 9.0))
    slower.astype(np.float32).tofile(path)
    done = subprocess.run(
        ["/usr/bin/python3", PEER, path, "--first"], capture_output=True, check=False, timeout=300
    )
    if done.returncode != 0:
        return None
    text = done.stdout.decode()
    found = json.loads(text[text.rindex('{"groups"') :])
    whole = [g[:16].upper() for g in found["groups"]]
    right = sum(g in sent for g in whole)
    first_s = found["first"] and found["first"] / 240_000
    return Result(right, len(whole) - right, first_s, found["cpu_s"])


def speed(runs: int) -> float:
    """Return nanoseconds of CPU per multiplex sample, median of `runs`, on one core."""
    sent, samples = multiplex(1, 30)
    whole_set = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(whole_set)})
    try:
        times = [ours(sent, samples).cpu_s for _ in range(runs + 1)][1:]
    finally:
        os.sched_setaffinity(0, whole_set)
    return statistics.median(times) / len(samples) * 1e9


def table(folder: Path) -> Iterator[tuple[int, int, Result, Result | None]]:
    """Yield carrier-to-noise ratio, groups sent, ours and the peer's result."""
    for cn_db in CN_DB:
        sent, samples = multiplex(cn_db, cn_db)
        yield (
            cn_db,
            len(RdsScheduler(content(cn_db)).groups_until(bit_at(SECONDS))),
            ours(sent, samples),
            gr_rds(sent, samples, folder),
        )


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Compare at every ratio, then time; `ok` is never fewer groups, sooner, and fast enough."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        for cn_db, sent, mine, peer in table(Path(folder)):
            fewer = peer is not None and mine.right < peer.right
            later = peer is not None and (mine.first_s or 1e9) > (peer.first_s or 1e9)
            yield row(
                f"RDS groups of {sent} at C/N {cn_db} dB, first after {mine.first_s} s",
                mine.right,
                "groups",
                "≥ gr-rds, first sooner",
                ok=not (fewer or later),
                peer="gr-rds 3.10",
                peer_value=None if peer is None else peer.right,
                ratio=mine.right / peer.right if peer is not None and peer.right else None,
                runs=1,
            )
    nanoseconds = speed(runs)
    yield row(
        "RDS from a 288 kHz multiplex with station state",
        nanoseconds,
        "ns per sample",
        f"≤ {REQUIRED_NS:g}",
        ok=nanoseconds <= REQUIRED_NS,
        runs=runs,
    )


def main() -> None:
    """Print the table and the speed."""
    print("C/N dB | sent | ours right wrong first s | gr-rds right wrong first s | CPU ratio")
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        for cn_db, sent, mine, peer in table(Path(folder)):
            line = (
                f"{cn_db:6} | {sent:4} | {mine.right:10} {mine.wrong:5} {mine.first_s or '-':>7} |"
            )
            if peer is not None:
                line += f" {peer.right:12} {peer.wrong:5} {peer.first_s or '-':>7} |"
                line += f" {peer.cpu_s / mine.cpu_s:.1f}"
            print(line)
    print(f"{speed(5):.2f} ns of CPU per multiplex sample, station state included")


if __name__ == "__main__":
    main()
