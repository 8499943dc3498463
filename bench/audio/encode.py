"""Benches of the main job: mastering against ffmpeg-normalize, the price of proof, and memory.

    python -m bench.audio.encode

The timed work is the whole command: start, decode, measure, master, encode, decode again, measure
again. "In process" leaves out the start of Python and its libraries, which a service pays once.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.material import write_programme
from bench.process_timing import LOA, median_in_turn
from bench.row import row

TEN_MINUTES_S = 600.0
MEMORY_LIMIT_MB = 300
CODECS = (".mp3", ".opus", ".m4a")
PEER_RUNS = 3


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time the main job; each row says what was required."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        stereo = write_programme(folder / "stereo.wav", seconds=TEN_MINUTES_S, channels=2)
        yield from master_rows(folder, stereo, runs)
        mono = write_programme(folder / "mono.wav", seconds=TEN_MINUTES_S, channels=1)
        yield from codec_rows(folder, mono, runs)
        yield from memory_rows(folder)


def master_rows(folder: Path, source: Path, runs: int) -> Iterator[dict[str, Any]]:
    """Master `ip` to WAV against ffmpeg-normalize, whole commands on one core."""
    ours = [LOA, "master", str(source), "-o", str(folder / "ours.wav"), "--target", "ip", "--json"]
    normalize = str(Path(LOA).with_name("ffmpeg-normalize"))
    peer = [normalize, str(source), "-o", str(folder / "peer.wav"), "-f", "-t", "-16", "-tp", "-2"]
    timing, peer_timing = median_in_turn(ours, peer, runs=min(runs, PEER_RUNS), pinned=True)
    assert peer_timing is not None
    within_s = statistics.median(in_process_s(source, folder) for _ in range(runs))
    works = {
        "master ip to WAV, 10 min stereo, whole command": timing.wall_s,
        "master ip to WAV, 10 min stereo, in process": within_s,
    }
    for work, ours_s in works.items():
        ratio = peer_timing.wall_s / ours_s
        yield row(
            work,
            TEN_MINUTES_S / ours_s,
            "× real time",
            "≥ 25 ×",
            ok=ratio >= 25,
            peer="ffmpeg-normalize, two passes, dynamic",
            peer_value=TEN_MINUTES_S / peer_timing.wall_s,
            ratio=ratio,
            runs=min(runs, PEER_RUNS),
        )


def in_process_s(source: Path, folder: Path) -> float:
    """Seconds of one mastering on one core, decoder included, in a process that is warm."""
    command = [sys.executable, "-m", "bench.audio.encode", str(source), str(folder / "inner.wav")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(said)


def codec_rows(folder: Path, source: Path, runs: int) -> Iterator[dict[str, Any]]:
    """Three codecs from one decode: the whole command, and its price over the encoders alone."""
    outputs = [word for codec in CODECS for word in ("-o", str(folder / f"out{codec}"))]
    command = [LOA, "master", str(source), *outputs, "--target", "ip", "--json"]
    whole, _ = median_in_turn(command, None, runs=runs, pinned=True)
    encoders_s = encoders_cpu_s(source, folder)
    speed = TEN_MINUTES_S / whole.cpu_s
    yield row(
        "master + MP3 64k + Opus 32k + AAC 64k, 10 min mono, whole command",
        speed,
        "× real time",
        "≥ 60",
        ok=speed >= 60,
        runs=runs,
    )
    price = whole.cpu_s / encoders_s
    yield row(
        "the same over the encoders' own CPU time",
        price,
        "×",
        "≤ 1.25",
        ok=price <= 1.25,
        peer="the three encoders alone",
        peer_value=encoders_s,
        ratio=price,
        runs=runs,
    )


def encoders_cpu_s(source: Path, folder: Path) -> float:
    """CPU seconds of the three encoders alone, on the mastered programme."""
    from ingest.decode.decoder import Decoder
    from loa.bulletin import MasterRequest, mastered_programme, measured_intake
    from transmit.codecs.setting import setting_for
    from transmit.encode import encode
    from transmit.profile import load_profile

    profile = load_profile("ip")
    request = MasterRequest(source, (), profile)
    with (
        Decoder() as decoder,
        measured_intake(decoder, request) as intake,
        mastered_programme(request, intake) as programme,
    ):
        blocks = list(programme.blocks())
        rate_hz = programme.sample_rate_hz
        total_s = 0.0
        for codec in CODECS:
            path = folder / f"alone{codec}"
            wanted = profile.codecs.get(codec[1:])
            setting = dataclasses.replace(setting_for(path, rate_hz, 1, wanted), channels=1)
            began_s = time.thread_time()
            encode(blocks, (rate_hz, 1), path, setting)
            total_s += time.thread_time() - began_s
    return total_s


def memory_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Peak memory of the whole process tree, for a short and for a three-hour stereo file."""
    for hours in (1 / 6, 3.0):
        source = write_programme(folder / "long.wav", seconds=hours * 3600, channels=2)
        command = [LOA, "master", str(source), "-o", str(folder / "long.opus"), "--json"]
        peak_mb = peak_memory_mb(command)
        yield row(
            f"peak memory, master ip to Opus, {hours:.2g} h stereo",
            peak_mb,
            "MB",
            f"≤ {MEMORY_LIMIT_MB}",
            ok=peak_mb <= MEMORY_LIMIT_MB,
            runs=1,
        )


def peak_memory_mb(command: list[str]) -> float:
    """Run `command`; return the largest proportional set size of its process tree, sampled."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(proportional_mb(pid) for pid in tree(process.pid)))
        time.sleep(0.02)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    return peak


def tree(pid: int) -> list[int]:
    """Process `pid` and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return [pid]
    return [pid, *(int(child) for child in children)]


def proportional_mb(pid: int) -> float:
    """Memory of a process, pages shared with others counted by their share."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it has just ended
        return 0.0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) / 1024


def _master_once(source: Path, output: Path) -> float:
    from ingest.decode.decoder import Decoder
    from loa.bulletin import MasterRequest, master_bulletin
    from transmit.profile import load_profile

    request = MasterRequest(source, (output,), load_profile("ip"))
    with Decoder() as decoder:
        master_bulletin(request, decoder=decoder)
        began_s = time.perf_counter()
        master_bulletin(request, decoder=decoder)
        return time.perf_counter() - began_s


if __name__ == "__main__":
    if len(sys.argv) == 3:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(_master_once(Path(sys.argv[1]), Path(sys.argv[2])))
    else:
        for found in rows(runs=5):
            print(found)
