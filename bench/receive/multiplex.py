"""What a transmitter's multiplex and its carrier cost: times real time on one core, by CPU time.

    python -m bench.receive.multiplex

The programme is stereo noise with a speech-like rhythm at full level, so that no stage is idle.
GNU Radio, where Debian's gnuradio is there, does the last step alone: multiplex to 8-bit IQ.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.row import row
from dsp.coder.multiplex import Multiplex
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler
from dsp.coder.settings import MultiplexSettings
from dsp.modulate.upconvert import Upconverter
from transmit.iq_samples import encode_iq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dsp.contract import Frames, Samples

AUDIO_HZ, IQ_HZ = 48_000, 2_400_000
SECONDS = 10
PIECE = 4_800  # frames: 0.1 s
PEER = Path(__file__).parents[1] / "peers" / "gnuradio_modulate.py"
CONTENT = RdsContent(pi=0x7001, ps="TRAVINH", rt="Dai truyen thanh xa Long Duc", pty=1)
LEAST_MULTIPLEX, LEAST_STATION = 150.0, 8.0


def programme() -> Frames:
    """Ten seconds of stereo at full level."""
    rng = np.random.default_rng(1)
    n = SECONDS * AUDIO_HZ
    rhythm = np.maximum(0.01, np.sin(2 * np.pi * 4 * np.arange(n) / AUDIO_HZ))
    return np.asarray(rng.standard_normal((n, 2)) * 0.1 * rhythm[:, None], np.float32)


def coder(**keys: Any) -> Multiplex:
    """A stereo coder with RDS."""
    return Multiplex(MultiplexSettings(rds_hz=2_000.0, **keys), RdsScheduler(CONTENT))


def multiplex(block: Multiplex, frames: Frames) -> None:
    """Make the multiplex of `frames`, piece by piece."""
    for start in range(0, len(frames), PIECE):
        block.process(frames[start : start + PIECE])


def modulate(block: Upconverter, composite: Samples) -> None:
    """Make 8-bit IQ of a multiplex, piece by piece."""
    for start in range(0, len(composite), 4 * PIECE):
        encode_iq(block.process(composite[start : start + 4 * PIECE]), "cu8")


def station(block: Multiplex, modulator: Upconverter, frames: Frames) -> None:
    """Make 8-bit IQ of a programme, piece by piece."""
    for start in range(0, len(frames), PIECE):
        modulate(modulator, block.process(frames[start : start + PIECE]))


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core meanwhile."""
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(whole)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, whole)


def times_real_time(work: Callable[[], None], runs: int) -> float:
    """Median of `runs` after one that warms up."""
    taken = []
    for _ in range(runs + 1):
        began_s = time.process_time()
        work()
        taken.append(time.process_time() - began_s)
    return SECONDS / statistics.median(taken[1:])


def peer_times_real_time(composite: Samples, runs: int) -> float | None:
    """GNU Radio's resampler, modulator and quantiser; None where it is not installed."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = Path(folder) / "multiplex.f32"
        composite.tofile(path)
        taken = []
        for _ in range(runs):
            done = subprocess.run(
                ["/usr/bin/python3", PEER, path], capture_output=True, check=False, timeout=300
            )
            if done.returncode != 0:
                return None
            taken.append(float(done.stdout.split()[-1]))
    return SECONDS / statistics.median(taken)


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time the coder, the coder with its MPX limiter, the modulator, and the whole station."""
    frames = programme()
    composite = coder().process(frames)
    with one_core():
        plain, limited = coder(), coder(mpx_limit_dbr=0.0)
        value = times_real_time(lambda: multiplex(plain, frames), runs)
        yield _row("stereo + RDS multiplex at 192 kHz", value, LEAST_MULTIPLEX, runs)
        value = times_real_time(lambda: multiplex(limited, frames), runs)
        work = "the same with the MPX power limiter"
        yield row(work, value, "× real time", None, ok=None, runs=runs)
        modulator = Upconverter(IQ_HZ, 250_000.0, amplitude=0.5)
        value = times_real_time(lambda: modulate(modulator, composite), runs)
        peer = peer_times_real_time(composite, runs)
        ratio = value / peer if peer else None
        yield row(
            "multiplex to 2.4 MS/s cu8",
            value,
            "× real time",
            "faster",
            ok=ratio is None or ratio > 1.0,
            peer="GNU Radio 3.10" if peer else None,
            peer_value=peer,
            ratio=ratio,
            runs=runs,
        )
        value = times_real_time(lambda: station(plain, modulator, frames), runs)
        yield _row("one stereo station to 2.4 MS/s cu8", value, LEAST_STATION, runs)


def _row(work: str, value: float, least: float, runs: int) -> dict[str, Any]:
    return row(work, value, "× real time", f"≥ {least:g}", ok=value >= least, runs=runs)


if __name__ == "__main__":
    for line in rows(runs=5):
        print(line)
