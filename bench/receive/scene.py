"""An eight-station scene with impairments at 2.4 MS/s: how fast, and in how much memory.

    python -m bench.receive.scene [--profile]

CPU time of this process and of its decoders, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.material import write_programme
from bench.row import row

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE_HZ = 2_400_000
STATIONS = 8
SECONDS = 8.0
SHORT_S, LONG_S = 5.0, 25.0
REQUIRED = 1.5

_HEAD = """
[capture]
centre_hz = 98.0e6
rate_hz = {rate_hz}
seconds = {seconds}
[dongle]
noise_dbfs = -45
ppm = 23
ppm_per_min = 1.5
dc_dbfs = -40
iq_gain_db = 0.2
iq_phase_deg = 1
drops = [{{ at_s = 2.0, samples = 100000 }}]
repeats = [{{ at_s = 3.0, samples = 65536 }}]
"""
_STATION = """
[[station]]
id = "s{n}"
frequency_hz = {frequency_hz}
level_dbfs = {level_dbfs}
profile = "75k50us"
audio = "{audio}"
stereo = true
rds_hz = 2000
ps = "BENCH {n}"
rt = "eight stations with impairments"
offset_hz = {offset_hz}
drift_hz_per_min = 20
fading_hz = 0.5
multipath = [{{ delay_us = {delay_us}, gain_db = -12, phase_deg = 40 }}]
[[station.fault]]
kind = "{kind}"
start_s = 1
end_s = 3
"""
_KINDS = (
    "over_deviation",
    "hum",
    "intruder",
    "no_pilot",
    "capture",
    "one_channel",
    "hiss",
    "splatter",
)


def write_scene(folder: Path, seconds: float, stations: int = STATIONS) -> Path:
    """Write a scene with everything in it; return its path."""
    audio = folder / "programme.wav"
    if not audio.exists():
        write_programme(audio, seconds=30.0, channels=2)
    text = _HEAD.format(rate_hz=RATE_HZ, seconds=seconds)
    for n in range(stations):
        text += _STATION.format(
            n=n,
            frequency_hz=98.0e6 + (n - (stations - 1) / 2) * 280e3,
            level_dbfs=-18.0 - n,
            audio=audio,
            offset_hz=100 * (n - 3),
            delay_us=2.3 + n,
            kind=_KINDS[n % len(_KINDS)],
        )
    path = folder / f"scene-{stations}-{seconds:g}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def cpu_s() -> float:
    """Return CPU seconds of this process and of its children that have ended."""
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def render(path: Path, *, with_truth: bool) -> tuple[float, float]:
    """Render a scene to nowhere; return CPU seconds and seconds of signal, start-up left out."""
    from ingest.scene.render import SceneSource
    from ingest.scene.scene import load_scene

    scene = load_scene(path)
    source = SceneSource(scene, with_truth=with_truth)
    blocks = source.blocks()
    first = next(blocks)
    begin_s, samples = cpu_s(), 0
    for block in blocks:
        samples += block.count
    if with_truth:
        source.truth()
    source.close()
    assert first.count
    return cpu_s() - begin_s, samples / RATE_HZ


# A process that starts another lends it its own peak: ru_maxrss counts the memory held at the fork.
# So a small one starts the command, and not this one with its hundreds of megabytes.
_LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_memory_mb(path: Path) -> float:
    """Return the largest resident memory of `loa simulate` on a scene."""
    loa = str(Path(sys.executable).with_name("loa"))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        output, truth = Path(folder) / "band.cu8", Path(folder) / "truth.json"
        command = [loa, "simulate", str(path), "-o", str(output), "--truth", str(truth)]
        launcher = [sys.executable, "-S", "-c", _LAUNCHER, *command]
        done = subprocess.run(launcher, capture_output=True, check=True)
    return int(done.stdout) / 1024.0


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Bench rows: speed with and without truth, one station alone, memory of two lengths."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        cases = (
            ("eight stations, impairments", STATIONS, False),
            ("eight stations, impairments, with truth", STATIONS, True),
            ("one station, impairments", 1, False),
        )
        for work, stations, with_truth in cases:
            path = write_scene(folder, SECONDS, stations)
            render(path, with_truth=with_truth)  # kernels compiled, files cached
            speeds = []
            for _ in range(runs):
                spent_s, signal_s = render(path, with_truth=with_truth)
                speeds.append(signal_s / spent_s)
            speed = sorted(speeds)[len(speeds) // 2]
            required = "" if stations == 1 else f"≥ {REQUIRED}"
            yield row(
                f"{work}, 2.4 MS/s cu8",
                speed,
                "× real time",
                required,
                ok=stations == 1 or speed >= REQUIRED,
                runs=runs,
            )
        short, long = (peak_memory_mb(write_scene(folder, s)) for s in (SHORT_S, LONG_S))
        yield row(
            f"loa simulate, memory of {LONG_S:g} s less {SHORT_S:g} s",
            long - short,
            "MB",
            "≤ 10",
            ok=long - short <= 10.0,
            runs=1,
            peak_mb=round(long, 1),
        )


def profile() -> None:
    """Print where the time goes."""
    import cProfile
    import pstats

    with tempfile.TemporaryDirectory() as name:
        path = write_scene(Path(name), SECONDS)
        render(path, with_truth=False)
        watcher = cProfile.Profile(time.thread_time)
        watcher.runcall(render, path, with_truth="--truth" in sys.argv)
        pstats.Stats(watcher).sort_stats("tottime").print_stats(28)


if __name__ == "__main__":
    if "--profile" in sys.argv:
        profile()
    else:
        for line in rows(runs=3):
            print(line)
