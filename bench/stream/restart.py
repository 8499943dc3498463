"""How soon there is sound again after kill -9: `loa play` and `loa speaker`, real processes.

python -m bench.stream.restart
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.process_timing import LOA
from bench.row import row

MOST_S = 2.0
_ITEM_S = 600


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Yield the rows; each is the slowest of so many kills."""
    for name, trial in (("loa play, kill -9 to its first packet", playout_s),
                        ("loa speaker, kill -9 to its first block", speaker_s)):  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
            slowest_s = max(trial(Path(folder), runs))
        yield row(name, slowest_s, "s", f"≤ {MOST_S:g}", ok=slowest_s <= MOST_S, runs=runs)


def playout_s(folder: Path, kills: int) -> list[float]:
    """Kill a playout so often in the middle of an item; return how long nothing was sent."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        soundfile.write(folder / "a.wav", np.full(_ITEM_S * 8_000, 0.1), 8_000)
        (folder / "KEYRING.toml").write_text("")
        (folder / "inbox").mkdir()
        (folder / "SCHEDULE.toml").write_text(
            'commune = "x"\nkeyring = "KEYRING.toml"\ninbox = "inbox"\nstate = "state"\n'
            f'[[zone]]\nid = "x.1"\nrtp = ["127.0.0.1:{listener.getsockname()[1]}"]\n'
            '[[item]]\nid = "a"\naudio = "a.wav"\nwhen = "now"\n'
        )
        command = [LOA, "play", str(folder / "SCHEDULE.toml")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        listener.settimeout(60)
        listener.recv(2_000)
        for _ in range(kills):
            _kill(process)
            _empty(listener)
            begun_s = time.perf_counter()
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            listener.recv(2_000)
            found.append(time.perf_counter() - begun_s)
        _kill(process)
    return found


def speaker_s(folder: Path, kills: int) -> list[float]:
    """Kill a loudspeaker so often; return how long it took to its first block."""
    found = []
    soundfile.write(folder / "a.wav", np.full(8_000, 0.1), 8_000)
    (folder / "s.toml").write_text(
        'id = "a"\nzone = "b"\nsources = ["file:a.wav"]\nunsigned = true\n'
    )
    command = [LOA, "speaker", str(folder / "s.toml"), "--json"]
    for _ in range(kills + 1):
        begun_s = time.time()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        found.append(time.time() - begun_s - 1.0)  # the first line tells of the first second
        _kill(process)
        process.stdout.close()
    return found[1:]  # the first may have had kernels to compile, as `make setup` does


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def _empty(listener: socket.socket) -> None:
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.recv(2_000)
    listener.settimeout(60)


if __name__ == "__main__":
    for found in rows(runs=8):
        sys.stdout.write(f"{found['work']}: {found['value']:.4g} {found['unit']} {found['ok']}\n")
