"""How fast an emergency is heard everywhere, and how fast it is ended.

    python -m bench.stream.emergency [LOUDSPEAKERS]

See `bench.stream.emergency_world` for what is real and what is simulated. The time of a simulated
loudspeaker is: command → the kernel's arrival of the datagram that its network let through + that
network's delay + its own reading, verifying and persisting, measured one after the other on this
machine + the wait for its next block of 20 ms. The queue before this one machine, which stands in
for 5 000, is left out of that; the row "one host for all" has it in.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.process_timing import LOA
from bench.row import row
from bench.stream.emergency_world import (
    PORT,
    Arrival,
    BadLine,
    Centre,
    Collector,
    RealHorns,
    SimulatedHorns,
)
from bench.stream.network import Network

LOUDSPEAKERS = 5_000
BLOCK_S = 0.02
DELAY_S, JITTER_S, BURST = 0.03, 0.01, 3.0
SEND_S = 6.0
PLAY_S = 24.0
_AUDIBLE = 1e-3


@dataclass
class Command:
    """One command, and what became of it.

    Attributes
    ----------
    begun_s, started_s
        When its first datagram was to go, and when its process was started.
    arrivals
        At the simulated loudspeakers.
    """

    begun_s: float
    started_s: float
    arrivals: list[Arrival] = field(default_factory=list)


@dataclass
class Heard:
    """What became of a command at the simulated loudspeakers.

    Attributes
    ----------
    times_s, services_s, queued_s
        From the command on, each for itself; of that reading, verifying and persisting; and what
        it would be with one host for all.
    silent
        How many never heard it.
    start_s
        What the process of the command took to start.
    """

    times_s: list[float]
    services_s: list[float]
    queued_s: list[float]
    silent: int
    start_s: float


def rows(*, runs: int, loudspeakers: int = LOUDSPEAKERS) -> Iterator[dict[str, Any]]:
    """Yield the rows; seeded, run once."""
    del runs
    yield from trial(loudspeakers, 0.0, 1.0)
    yield from trial(loudspeakers, 0.2, 3.0)


def trial(loudspeakers: int, loss: float, most_s: float) -> Iterator[dict[str, Any]]:
    """Send an emergency, then its cancel, through networks of that loss."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name, ExitStack() as held:
        centre = Centre(Path(name))
        horns = SimulatedHorns(centre, loudspeakers)
        collector = Collector()
        held.callback(collector.socket.close)
        for number in range(2):
            line = BadLine(PORT + 3 + number, PORT + 1 + number, _network(loss, 10**6 + number))
            held.callback(line.close)
        real = RealHorns(centre, PLAY_S)
        held.callback(real.kill)
        real.wait_until_heard_of()
        # The cancel is signed together with the emergency.
        flood = centre.write("flood")
        cancel = centre.write("cancel", cancels="flood", board_text=None)
        targets = _targets(centre, loudspeakers)
        commands = [_sent(path, targets, collector) for path in (flood, cancel)]
        taps = real.finish()
        told = f"{loudspeakers} + 2 loudspeakers, " + (
            f"{loss:.0%} loss in bursts of 3" if loss else "no loss"
        )
        real_heard = [_heard_real(tap, begun_s, commands) for tap, begun_s in taps]
        for index, what in enumerate(("alert", "cancel")):
            limit_s = most_s if what == "alert" else 1.0
            real_s = [one[index] for one in real_heard]
            simulated = _heard_simulated(commands[index], horns, loss)
            yield from _rows(what, told, simulated, limit_s, real_s)


def _rows(
    what: str,
    told: str,
    heard: Heard,
    limit_s: float,
    real_s: list[float],
) -> Iterator[dict[str, Any]]:
    """Tell of both kinds."""
    everybody_s = np.array(sorted([*heard.times_s, *real_s]) + [np.inf] * heard.silent)
    value = float(everybody_s[int(np.ceil(0.99 * len(everybody_s))) - 1])
    until = "first sample of the alert" if what == "alert" else "silence after a cancel"
    work = f"emergency, command to {until}, {told}"
    required = f"≤ {limit_s:g}"
    yield row(
        f"{work}: p99",
        value,
        "s",
        required,
        ok=value <= limit_s,
        runs=1,
    )
    yield row(f"{work}: median", float(np.median(everybody_s)), "s", None, ok=None, runs=1)
    unheard = f"{work}: not reached within {SEND_S:g} s"
    yield row(unheard, float(heard.silent), "loudspeakers", None, ok=None, runs=1)
    worst = max(real_s)
    ok = worst <= limit_s
    yield row(
        f"{work}: the later of two loa speaker, by its tap", worst, "s", required, ok=ok, runs=1
    )
    start_s = heard.start_s
    yield row(
        f"{work}: start of the command itself, not counted", start_s, "s", None, ok=None, runs=1
    )
    service = float(np.median(heard.services_s)) * 1e3
    yield row(
        f"{work}: verify and persist, each its own, median", service, "ms", None, ok=None, runs=1
    )
    host = float(np.percentile(heard.queued_s, 99))
    yield row(f"{work}: p99 with one host for all", host, "s", None, ok=None, runs=1)


def _network(loss: float, seed: int) -> Network:
    """Return a network in the middle of its life: its first packet is lost as any other."""
    network = Network(loss, BURST, DELAY_S, JITTER_S, seed=seed)
    for _ in range(50):
        network.loses()
    return network


def _targets(centre: Centre, count: int) -> Path:
    """Write a register: a real loudspeaker at its beginning and one at its end."""
    public = "A" * 43 + "="
    addresses = [f"127.0.0.1:{PORT + 3}"]
    addresses += [Collector.address(number) for number in range(count)]
    addresses.append(f"127.0.0.1:{PORT + 4}")
    path = centre.folder / "DEVICES.toml"
    path.write_text(
        "".join(
            f'[[device]]\nid = "d{number}"\npublic = "{public}"\naddress = "{address}"\n'
            for number, address in enumerate(addresses)
        )
    )
    return path


def _sent(message: Path, devices: Path, collector: Collector) -> Command:
    """Run `loa bulletin send`, collecting what comes while it does."""
    arrivals: list[Arrival] = []
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            arrivals.extend(collector.drain())
            time.sleep(0.002)

    thread = threading.Thread(target=collect)
    thread.start()
    started_s = time.time()
    command = [LOA, "bulletin", "send", str(message), "--devices", str(devices)]
    done = subprocess.run([*command, "--seconds", str(SEND_S)], check=True, capture_output=True)
    ended.set()
    thread.join()
    begun_s = json.loads(done.stdout)["begun_unix_s"]
    return Command(begun_s, started_s, arrivals)


def _heard_simulated(command: Command, horns: SimulatedHorns, loss: float) -> Heard:
    """Let the simulated ones take what came, one after the other."""
    by_horn: dict[int, list[Arrival]] = {}
    for arrival in command.arrivals:
        by_horn.setdefault(arrival.number, []).append(arrival)
    draw = random.Random(1)
    reached: list[tuple[float, float, float]] = []
    silent = 0
    for number in range(len(horns.doors)):
        network = _network(loss, number)
        packets = [(one.at_s, False, one.data) for one in by_horn.get(number, [])]
        for at_s, _, data in network.arrivals(packets):
            let_in, service_s = horns.takes_s(number, data)
            if let_in:
                phase_s = draw.random() * BLOCK_S  # of its blocks
                reached.append((at_s - command.begun_s, service_s, phase_s))
                break
        else:
            silent += 1
    times_s = [sum(parts) for parts in reached]
    free_s, queued_s = 0.0, []
    for arrival_s, service, phase in sorted(reached):
        free_s = max(free_s, arrival_s) + service
        queued_s.append(free_s + phase)
    services_s = [service for _, service, _ in reached]
    return Heard(times_s, services_s, queued_s, silent, command.begun_s - command.started_s)


def _heard_real(tap: Path, begun_s: float, commands: list[Command]) -> tuple[float, float]:
    """Return how long after the first command it sounded, and after the second it was silent."""
    sound, rate = soundfile.read(tap, dtype="float32")
    audible = np.flatnonzero(np.abs(sound) > _AUDIBLE)
    if not len(audible):
        return float("inf"), float("inf")
    first, last = begun_s + audible[0] / rate, begun_s + (audible[-1] + 1) / rate
    return first - commands[0].begun_s, last - commands[1].begun_s


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else LOUDSPEAKERS
    for found in rows(runs=1, loudspeakers=count):
        sys.stdout.write(f"{found['work']}: {found['value']:.4g} {found['unit']} {found['ok']}\n")
