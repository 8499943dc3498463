"""What streaming to loudspeakers reaches: step, residual loss, fan-out, the price of a player.

    python -m bench.stream.rows [--step-minutes 60]

Step and loss are accelerated: seeded networks and cards of `bench.stream.network`, no sockets.
Fan-out and the player's price are real: sockets on loopback, the command `loa speaker`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.material import write_programme
from bench.process_timing import LOA
from bench.receive.multiplex import one_core
from bench.row import row
from bench.stream.network import RATE, Card, Network, form_of, played, programme, sent, skew_s
from bench.stream.outage import rows as outage_rows
from dsp.packet import rtp
from dsp.packet.fec_frame import FecDecoder
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import CODECS, Payload
from transmit.rtp.stream import EMERGENCY_FEC, NORMAL_FEC, FecProfile, Kind, RtpStream

STEP_S = 600.0
LOSS_PACKETS = 150_000
DESTINATIONS = 5_000
PACKETS_PER_S = 50
# roc-toolkit's default: Reed-Solomon of 18 source and 10 repair packets, repairs after the block.
ROC = FecProfile(source=18, repair=10, spread=10)


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Yield the rows; `runs` counts for fan-out, the others are seeded and run once."""
    yield from step_rows()
    for loss, profile, limit in (
        (0.01, NORMAL_FEC, 1e-4),
        (0.05, NORMAL_FEC, 5e-4),
        (0.20, EMERGENCY_FEC, 5e-4),
    ):
        yield from loss_rows(loss, profile, limit)
    yield fan_out_row(runs)
    yield from player_rows()
    yield from outage_rows()


def step_rows(seconds: float = STEP_S) -> Iterator[dict[str, Any]]:
    """Two loudspeakers at ±100 ppm: skew of their taps, every five seconds from the third on."""
    audio = np.resize(programme(min(seconds, 60.0)), int(seconds * RATE))
    for name, fec, faults, required in (
        ("a good network", None, {}, 0.2),
        (
            "5 % loss in bursts of 3, 30 ± 10 ms, FEC",
            NORMAL_FEC,
            {"loss": 0.05, "burst": 3.0, "jitter_s": 0.01},
            1.0,
        ),
    ):
        packets, form = sent(audio, fec=fec), form_of(CODECS["opus"], fec)
        taps = [
            played(
                form,
                Network(seed=seed, **faults).arrivals(packets),
                seconds,
                delay_s=1.2 if fec else 0.4,
                card=Card(ppm, offset_s),
            )[:2]
            for seed, ppm, offset_s in ((1, 100.0, 0.0), (2, -100.0, 0.0037))
        ]
        skews_ms = [
            1e3 * abs(skew_s(taps[0], taps[1], at)) for at in np.arange(3.0, seconds - 3.0, 5.0)
        ]
        work = f"two loudspeakers ±100 ppm, {seconds / 60:g} min, {name}"
        sustained, worst = float(np.percentile(skews_ms, 95)), max(skews_ms)
        yield row(
            f"{work}: skew, 95 % of the time",
            sustained,
            "ms",
            f"≤ {required:g}",
            ok=sustained <= required,
            runs=1,
        )
        yield row(f"{work}: worst skew", worst, "ms", "≤ 1", ok=worst <= 1.0, runs=1)


def residual_loss(profile: FecProfile, loss: float, burst: float, packets: int) -> float:
    """Return the share of media packets that neither arrived nor was recovered."""
    rng = random.Random(5)
    stream = RtpStream(CODECS["pcmu"], fec=profile, random_bits=rng.getrandbits)
    network, decoder, missing = Network(loss, burst, seed=7), FecDecoder(), set[int]()
    for number in range(packets):
        # Four bytes say which packet it is; erasure codes do not mind how long it is.
        payload = Payload(number.to_bytes(4, "big"), 160 * number, 160)
        for datagram in stream.send(payload):
            if network.loses():
                if datagram.kind is Kind.MEDIA:
                    missing.add(number)
                continue
            packet = rtp.parse(datagram.data)
            if datagram.kind is Kind.REPAIR:
                units = decoder.add_repair(packet.payload)
            else:
                units = decoder.add_source(datagram.data)[1]
            for unit in units:
                missing.discard(int.from_bytes(rtp.parse(unit).payload, "big"))
    # The last blocks had no time to be repaired.
    return len({n for n in missing if n < packets - 200}) / (packets - 200)


def loss_rows(loss: float, profile: FecProfile, limit: float) -> Iterator[dict[str, Any]]:
    """Residual loss in bursts of 3 beside roc-toolkit's default code; random loss too."""
    for burst, required in ((3.0, limit), (1.0, None)):
        ours = residual_loss(profile, loss, burst, LOSS_PACKETS)
        roc = residual_loss(ROC, loss, burst, LOSS_PACKETS)
        what = "bursts of 3" if burst > 1 else "random"
        delay_s = 0.02 * (profile.source + profile.spread)
        yield row(
            f"residual loss at {loss:.0%} {what}, RS {profile.source}+{profile.repair}, "
            f"{delay_s:.1f} s",
            ours * 1e6,
            "per million",
            None if required is None else f"≤ {required * 1e6:g}",
            ok=None if required is None else ours <= required,
            runs=1,
            peer="the same decoder, roc-toolkit's default RS 18+10",
            peer_value=roc * 1e6,
            ratio=roc / ours if ours else None,
        )


def fan_out_row(runs: int) -> dict[str, Any]:
    """Destinations that a core can feed with 20 ms packets of Opus at 32 kbit/s, by CPU time."""
    data = os.urandom(80 + 12 + 10)
    costs = []
    with one_core(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104 - every loopback address is one destination
        port = listener.getsockname()[1]
        addresses = [(f"127.1.{n // 250}.{1 + n % 250}", port) for n in range(DESTINATIONS)]
        with FanOut(addresses) as fan:
            for _ in range(runs):
                before_s = time.process_time()
                for _ in range(PACKETS_PER_S // 5):
                    fan.send(data)
                costs.append((time.process_time() - before_s) / (PACKETS_PER_S // 5 * DESTINATIONS))
    value = 1.0 / (PACKETS_PER_S * float(np.median(costs)))
    work = "RTP unicast fan-out, 20 ms Opus, destinations per core"
    return row(work, value, "destinations", "≥ 5000", ok=value >= 5_000, runs=runs)


def player_rows() -> Iterator[dict[str, Any]]:
    """What `loa speaker` costs: CPU of ten further seconds of playing, and its memory."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        key, sdp = folder / "key", folder / "s.sdp"
        key.touch(mode=0o600)
        key.write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk\n")
        audio = str(write_programme(folder / "audio.wav", seconds=20.0, channels=1))
        port = 31_998  # below the ports that the kernel gives away
        stream = [LOA, "stream", audio, "--rtp", f"127.0.0.1:{port}", "--fec", "normal"]
        stream += ["--srtp-key-file", str(key), "--sdp", str(sdp)]
        settings = folder / "speaker.toml"
        settings.write_text(
            'id = "bench"\nzone = "bench"\nsources = ["sdp:s.sdp"]\n'
            "unsigned = true\ndelay_ms = 1200\n"
        )
        costs, memory_mb = [], 0.0
        for seconds in (4.0, 14.0):
            sender = subprocess.Popen(stream, stderr=subprocess.DEVNULL)
            while not sdp.exists():
                if sender.poll() is not None:
                    raise RuntimeError("loa stream ended before it had begun")
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [LOA, "speaker", str(settings), "--seconds", str(seconds)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            memory_mb = after.ru_maxrss / 1024
            sender.terminate()
            sender.wait()
            sdp.unlink()
        share = 100 * (costs[1] - costs[0]) / 10.0
    yield row("loa speaker, Opus, SRTP, FEC", share, "% of a core", "≤ 5", ok=share <= 5, runs=1)
    yield row(
        "loa speaker and loa stream, peak memory of the larger",
        memory_mb,
        "MB",
        "≤ 260",
        ok=memory_mb <= 260,
        runs=1,
    )


def main() -> int:
    """Print the rows, or those of step for longer; the exit code is 1 where one is missed."""
    parser = argparse.ArgumentParser(description="What streaming to loudspeakers reaches.")
    parser.add_argument("--step-minutes", type=float, help="only step, and for so long")
    minutes = parser.parse_args().step_minutes
    missed = False
    for found in rows(runs=5) if minutes is None else step_rows(60.0 * minutes):
        print(f"{found['work']}: {found['value']:.4g} {found['unit']} {found['ok']}", flush=True)
        missed |= found["ok"] is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
