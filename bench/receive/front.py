"""Benches of the front end: eight-bit capture to stations to multiplex, in CPU seconds of one core.

Ours runs in process on a capture in memory, in pieces of a tenth of a second as a source hands them
over, into arrays that are there already. Peers read the same samples from a file that the system
holds in memory; what they print is their own CPU time without their start.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from bench.row import row
from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channelizer import Channelizer

RATE_HZ = 2_400_000
SECONDS = 4
PIECE = RATE_HZ // 10
ONE_HZ = (300_000.0,)
EIGHT_HZ = (-1_050e3, -750e3, -450e3, -150e3, 150e3, 450e3, 750e3, 1_050e3)
BARE_LENGTH = 8_192
PEERS = Path(__file__).parents[1] / "peers"
SYSTEM_PYTHON = "/usr/bin/python3"
_REPEATS = 3  # of the file, for peers: their threads want some time to settle

Bytes = npt.NDArray[np.uint8]


def make_capture() -> Bytes:
    """Eight FM stations in noise, interleaved uint8: every one modulated by a tone of its own."""
    n = SECONDS * RATE_HZ
    t = np.arange(n) / RATE_HZ
    rng = np.random.default_rng(1)
    band = 0.01 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    for number, offset_hz in enumerate(EIGHT_HZ):
        tone_hz = 700.0 + 300.0 * number
        swing = 60e3 / tone_hz * np.sin(2 * np.pi * tone_hz * t)
        band += 0.08 * np.exp(1j * (2 * np.pi * offset_hz * t + swing))
    pairs = band.astype(np.complex64).view(np.float32)
    return np.clip(np.round(pairs * 127.5 + 127.5), 0, 255).astype(np.uint8)


class _Front:
    """Channelizer and discriminators on the whole capture, into arrays made beforehand."""

    def __init__(self, capture: Bytes, offsets_hz: tuple[float, ...], *, demodulate: bool) -> None:
        self._capture = capture
        self._channelizer = Channelizer(RATE_HZ, offsets_hz)
        self._discriminators = [Discriminator() for _ in offsets_hz] if demodulate else []
        self._channels: dict[int, npt.NDArray[np.complex64]] = {}
        self._composite = np.empty(RATE_HZ, np.float32)

    def __call__(self) -> None:
        """Take the capture once."""
        for first in range(0, len(self._capture), 2 * PIECE):
            length = self._channelizer.output_length(PIECE)
            if length not in self._channels:
                shape = (self._channelizer.stations, length)
                self._channels[length] = np.empty(shape, np.complex64)
            out = self._channels[length]
            self._channelizer.process(self._capture[first : first + 2 * PIECE], out)
            for block, station in zip(self._discriminators, out, strict=False):
                block.process(station, self._composite[:length])
            self._channelizer.take_spectra()


def cpu_s(work: Callable[[], Any]) -> float:
    """CPU seconds of one run."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def peer_cpu_s(command: list[str]) -> float:
    """CPU seconds as the peer counts them: it prints them."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time ours and each peer in turn; medians after one warm-up each, everything on one core."""
    whole_set = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(whole_set)})
    try:
        with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
            yield from _rows(Path(folder), runs)
    finally:
        os.sched_setaffinity(0, whole_set)


def _rows(folder: Path, runs: int) -> Iterator[dict[str, Any]]:
    capture = make_capture()
    capture.tofile(folder / "band.u8")
    (capture ^ 0x80).tofile(folder / "band.s8")
    megasamples = SECONDS * RATE_HZ / 1e6
    bare = _Bare()
    works: dict[str, Callable[[], float]] = {
        "bare": lambda: cpu_s(bare) / bare.samples * 1e6 * megasamples,
        "one": _timed(_Front(capture, ONE_HZ, demodulate=False)),
        "eight": _timed(_Front(capture, EIGHT_HZ, demodulate=False)),
        "one to multiplex": _timed(_Front(capture, ONE_HZ, demodulate=True)),
        "eight to multiplex": _timed(_Front(capture, EIGHT_HZ, demodulate=True)),
    }
    peers = _peers(folder)
    works |= {name: _peer(command) for name, command in peers.items()}
    rates = _rates(works, runs, megasamples)
    yield from _channelizer_rows(rates, runs)
    yield from _multiplex_rows(rates, peers, runs)
    yield _discriminator_row(runs)


def _rates(
    works: dict[str, Callable[[], float]], runs: int, megasamples: float
) -> dict[str, float]:
    """Median MS/s per CPU second of every work, all of them in turn, after a warm-up of each."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs + 1):
        for name, work in works.items():
            times[name].append(work())
    return {name: megasamples / statistics.median(each[1:]) for name, each in times.items()}


def _timed(work: Callable[[], Any]) -> Callable[[], float]:
    return lambda: cpu_s(work)


def _peer(command: list[str]) -> Callable[[], float]:
    return lambda: peer_cpu_s(command) / _REPEATS


class _Bare:
    """`scipy.fft` alone, as often as it takes a while: what the channelizer is held against."""

    def __init__(self) -> None:
        self._blocks = np.zeros((16, BARE_LENGTH), np.complex64)
        self.samples = 20 * self._blocks.size

    def __call__(self) -> None:
        for _ in range(20):
            fft.fft(self._blocks, axis=1, overwrite_x=True)


def _peers(folder: Path) -> dict[str, list[str]]:
    """Commands of the peers that this machine has, each on the same capture."""
    found = {}
    offsets = {"one": ONE_HZ, "eight": EIGHT_HZ}
    if _has_gnuradio():
        for name, hz in offsets.items():
            found[f"GNU Radio {name}"] = [
                SYSTEM_PYTHON,
                str(PEERS / "front_gnuradio.py"),
                str(folder / "band.s8"),
                str(_REPEATS),
                str(RATE_HZ),
                *map(str, hz),
            ]
    program = built_liquid("front_liquid", folder)
    if program is not None:
        band = str(folder / "band.u8")
        found["liquid-dsp one"] = [program, band, str(_REPEATS), str(ONE_HZ[0]), str(RATE_HZ)]
    return found


def _has_gnuradio() -> bool:
    probe = [SYSTEM_PYTHON, "-c", "import gnuradio.analog"]
    return (
        Path(SYSTEM_PYTHON).exists()
        and not subprocess.run(probe, check=False, capture_output=True).returncode
    )


def built_liquid(name: str, folder: Path) -> str | None:
    """Compile the small peer `name` against liquid-dsp; None without compiler or library."""
    if shutil.which("gcc") is None:
        return None
    program = str(folder / name)
    source = str(PEERS / f"{name}.c")
    command = ["gcc", "-O3", "-march=native", "-ffast-math", source, "-o", program]
    done = subprocess.run([*command, "-lliquid", "-lm"], check=False, capture_output=True)
    return program if done.returncode == 0 else None


def _channelizer_rows(rates: dict[str, float], runs: int) -> Iterator[dict[str, Any]]:
    for name in ("one", "eight"):
        ratio = rates[name] / rates["bare"]
        yield row(
            f"channelizer, {name} of 8 stations of a 2.4 MS/s u8 capture",
            rates[name],
            "MS/s per CPU second",
            "≥ 0.5 of the bare transform",
            ok=ratio >= 0.5,
            peer=f"bare scipy.fft, {BARE_LENGTH} points",
            peer_value=rates["bare"],
            ratio=ratio,
            runs=runs,
        )


def _multiplex_rows(
    rates: dict[str, float], peers: dict[str, list[str]], runs: int
) -> Iterator[dict[str, Any]]:
    required = {"one": 450.0, "eight": 0.0}
    for name, least in required.items():
        ours = rates[f"{name} to multiplex"]
        beside: list[str | None] = [peer for peer in peers if peer.endswith(f" {name}")]
        for peer in beside or [None]:
            value = rates[peer] if peer else None
            yield row(
                f"u8 capture to the multiplex of {name}, × real time {ours / 2.4:.0f}",
                ours,
                "MS/s per CPU second",
                f"≥ {least:g}" if least else "as it comes",
                ok=ours >= least and (value is None or ours > value),
                peer=f"{peer}: {_shown(peers[peer])}" if peer else "GNU Radio is not installed",
                peer_value=value,
                ratio=ours / value if value else None,
                runs=runs,
            )


def _shown(command: list[str]) -> str:
    return " ".join(Path(part).name if "/" in part else part for part in command)


def _discriminator_row(runs: int) -> dict[str, Any]:
    n = 28_800
    rng = np.random.default_rng(2)
    iq = np.exp(1j * np.cumsum(rng.standard_normal(n) * 0.4)).astype(np.complex64)
    block, out = Discriminator(), np.empty(n, np.float32)

    def work() -> None:
        for _ in range(200):
            block.process(iq, out)

    def by_numpy() -> None:
        for _ in range(5):
            np.angle(iq[1:] * np.conj(iq[:-1]))

    ours = 200 * n / 1e6 / statistics.median([cpu_s(work) for _ in range(runs + 1)][1:])
    peer = 5 * n / 1e6 / statistics.median([cpu_s(by_numpy) for _ in range(runs + 1)][1:])
    return row(
        "discriminator with equaliser and amplitudes",
        ours,
        "M samples of multiplex per CPU second",
        "≥ 500",
        ok=ours >= 500,
        peer="numpy.angle of the products",
        peer_value=peer,
        ratio=ours / peer,
        runs=runs,
    )


if __name__ == "__main__":
    for line in rows(runs=5):
        print(line)
