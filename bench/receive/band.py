"""Benches of whole receptions: `loa receive` on a 2.4 MS/s capture, everything on, against peers.

A band of eight stereo stations with speech and RDS is rendered once. Every program runs as its own
command, pinned to one core, its children's CPU time counted; so that nobody's start is timed,
each runs on a capture of one second too, and the difference counts. Peers read the same capture (as
int8, GNU Radio's fast path). Ours measures, decodes RDS and DTMF and writes audio besides.
"""

from __future__ import annotations

import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.process_timing import LOA, time_command
from bench.receive.front import PEERS, SYSTEM_PYTHON, built_liquid
from bench.row import row
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RATE_HZ = 2_400_000
CENTRE_HZ = 97.0e6
OFFSETS_HZ = (-1_000e3, -700e3, -400e3, -100e3, 150e3, 450e3, 700e3, 1_000e3)
RENDERED_S = 10
REPEATS = 2
LONG_S = RENDERED_S * REPEATS
BULLETIN = Path(__file__).resolve().parents[2] / "examples" / "bulletin-vi.flac"
_STATION = """
[[station]]
id = "s{number}"
frequency_hz = {frequency}
level_dbfs = {level}
profile = "75k50us"
audio = "{audio}"
stereo = true
rds_hz = 2000
pi = "700{number}"
ps = "LOA FM {number}"
rt = "Ban tin buoi sang"
"""


def write_band(
    folder: Path, *, rate_hz: int = RATE_HZ, offsets_hz: Sequence[float] = OFFSETS_HZ
) -> None:
    """Write band.cu8 and band.cs8, and of each one second as short.*; the long ones have a seam."""
    scene = f"[capture]\ncentre_hz = {CENTRE_HZ}\nrate_hz = {rate_hz}\nseconds = {RENDERED_S}\n"
    scene += "seed = 5\n[dongle]\nnoise_dbfs = -52\n"
    for number, offset_hz in enumerate(offsets_hz):
        scene += _STATION.format(
            number=number,
            frequency=CENTRE_HZ + offset_hz,
            level=-16 - 2 * (number % 4),
            audio=BULLETIN,
        )
    (folder / "band.toml").write_text(scene)
    source = SceneSource(load_scene(folder / "band.toml"))
    band = np.concatenate([block.samples for block in source.blocks()])
    for name, whole in (("band", np.tile(band, REPEATS)), ("short", band[: 2 * rate_hz])):
        whole.tofile(folder / f"{name}.cu8")
        (whole ^ 0x80).tofile(folder / f"{name}.cs8")


def loa_command(folder: Path, name: str, stations: int, number: int = 0) -> list[str]:
    """Return our command on capture `name`: everything on, audio written to folder `number`."""
    command = [LOA, "receive", str(folder / f"{name}.cu8"), "--json"]
    command += ["--centre-mhz", str(CENTRE_HZ / 1e6), "--rate-hz", str(RATE_HZ)]
    command += ["--audio", str(folder / f"audio{number}")]
    for offset_hz in OFFSETS_HZ[3 : 3 + stations] if stations == 1 else OFFSETS_HZ[:stations]:
        command += ["--frequency-mhz", f"{(CENTRE_HZ + offset_hz) / 1e6:.3f}"]
    return command


def gnuradio_command(folder: Path, name: str, stations: int, mode: str) -> list[str]:
    """Return GNU Radio's command on the same capture."""
    offsets = OFFSETS_HZ[3 : 3 + stations] if stations == 1 else OFFSETS_HZ[:stations]
    script = str(PEERS / "gnuradio_receive.py")
    path = str(folder / f"{name}.cs8")
    return [SYSTEM_PYTHON, script, mode, path, str(RATE_HZ), *map(str, offsets)]


def liquid_command(program: str, folder: Path, name: str, stations: int) -> list[str]:
    """Return liquid-dsp's command on the same capture, as uint8."""
    offsets = OFFSETS_HZ[3 : 3 + stations] if stations == 1 else OFFSETS_HZ[:stations]
    return [program, str(folder / f"{name}.cu8"), str(RATE_HZ), *map(str, offsets)]


def real_time(long: Sequence[str], short: Sequence[str]) -> float:
    """Seconds of signal per second of CPU, the start taken off."""
    cost_s = time_command(long, pinned=True).cpu_s - time_command(short, pinned=True).cpu_s
    return (LONG_S - 1.0) / max(cost_s, 1e-3)


def has_gnuradio() -> bool:
    """Whether Debian's Python here has GNU Radio."""
    probe = [SYSTEM_PYTHON, "-c", "import gnuradio.analog"]
    there = Path(SYSTEM_PYTHON).exists()
    return there and not subprocess.run(probe, check=False, capture_output=True).returncode


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time ours and the peers in turn; medians after one warm-up."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        write_band(folder)
        ours = {n: [loa_command(folder, f, n) for f in ("band", "short")] for n in (1, 8)}
        peers = _peers(folder)
        works: dict[Any, list[list[str]]] = {**ours, **peers}
        times: dict[Any, list[float]] = {key: [] for key in works}
        for _ in range(runs + 1):
            for key, commands in works.items():
                times[key].append(real_time(*commands))
        rates = {key: statistics.median(each[1:]) for key, each in times.items()}
        yield from _speed_rows(rates, peers, folder, runs)
        yield _station_row(rates, runs)
        yield _three_dongles_row(folder, runs)
        yield _memory_row(ours[8][0])


def _peers(folder: Path) -> dict[tuple[int, str], list[list[str]]]:
    """Commands of the peers that this machine has, on the long capture and the short one."""
    names, found = ("band", "short"), {}
    program = built_liquid("receive_liquid", folder)
    for stations in (1, 8):
        for mode in ("mono", "stereo") if has_gnuradio() else ():
            commands = [gnuradio_command(folder, name, stations, mode) for name in names]
            found[stations, f"GNU Radio {mode}"] = commands
        if program is not None:
            commands = [liquid_command(program, folder, name, stations) for name in names]
            found[stations, "liquid-dsp mono"] = commands
    return found


def _speed_rows(
    rates: dict[Any, float], peers: dict[Any, list[list[str]]], folder: Path, runs: int
) -> Iterator[dict[str, Any]]:
    required = {1: 40.0, 8: 10.0}
    for stations, least in required.items():
        beside: list[Any] = [key for key in peers if key[0] == stations]
        for key in beside or [None]:
            command = " ".join(peers[key][0]).replace(str(folder), ".") if key else ""
            value = rates[key] if key else None
            yield row(
                f"loa receive, {stations} of 8 stations of 2.4 MS/s cu8, everything on",
                rates[stations],
                "× real time",
                f"≥ {least:g}",
                ok=rates[stations] >= least and (value is None or rates[stations] > value),
                peer=f"{key[1]}: {command}" if key else "no peer is installed",
                peer_value=value,
                ratio=rates[stations] / value if value else None,
                runs=runs,
            )


def _station_row(rates: dict[Any, float], runs: int) -> dict[str, Any]:
    each = 100.0 * (1.0 / rates[8] - 1.0 / rates[1]) / 7.0
    work = "loa receive, each further station"
    return row(work, each, "% of a core", "≤ 1.2", ok=each <= 1.2, runs=runs)


def _three_dongles_row(folder: Path, runs: int) -> dict[str, Any]:
    """Three captures of eight stations at once, each a process of its own as a dongle has it."""

    def together(name: str) -> list[str]:
        ours = [shlex.join(loa_command(folder, name, 8, number)) for number in range(3)]
        return ["sh", "-c", "".join(f"{each} >/dev/null & " for each in ours) + "wait"]

    shares = [100.0 / real_time(together("band"), together("short")) for _ in range(runs)]
    share = statistics.median(shares)
    work = "loa receive, three captures with 24 stations at once"
    return row(work, share, "% of a core", "≤ 50", ok=share <= 50.0, runs=runs)


def _memory_row(command: Sequence[str]) -> dict[str, Any]:
    """Peak memory of the whole command, by a process that has no other child."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
    )
    scale = 1e6 if sys.platform == "darwin" else 1e3
    megabytes = float(done.stdout) / scale
    work = "loa receive, 8 stations, peak memory"
    return row(work, megabytes, "MB", "≤ 400", ok=megabytes <= 400.0, runs=1)


if __name__ == "__main__":
    for line in rows(runs=3):
        print(line)
