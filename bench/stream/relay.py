"""What `loa relay` does to a voice on each path: how late, and how loud one beside the other.

    python -m bench.stream.relay [--hours 2]

Voices that nothing in the live master was tuned on (`bench.match.voices`, its held-out half) read
texts of their own at two levels through a relay with RTP, FM and a line, its time given by the
bench. Packets go over loopback to the loudspeaker's own receiver and player, the multiplex to the
receiver: what is measured is what a horn would say, in its first twenty seconds.

With `--hours`: a relay that goes on for so long, as fast as it can be fed, and by how much its
memory grows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.match.texts import announcement
from bench.match.voices import VOICES, at_house_rate, available, read_aloud
from bench.own_memory import own_mb
from bench.row import row
from dsp.align.delay import measure_delay
from dsp.contract import Samples
from dsp.fm.profiles import PROFILES
from ingest.iq.multiplex_source import MultiplexFile
from ingest.receiver.multiplex_receiver import MultiplexReceiver
from ingest.receiver.stations import Station, StationList
from loa.demo.joined.hearing import MonoEar, loudness_lufs
from loa.device.described import session_of
from loa.device.live import LiveSource
from loa.relay.blocks import BLOCK_S, BLOCK_SAMPLES
from loa.relay.loop import Relay
from loa.relay.settings import parse_relay
from loa.relay.status_line import record_of

RATE = 48_000
BEGUN_S = 1_800_000_000.0
THROUGH_S, HEARD_S = 1.0, 20.0
LEVELS_DBFS = (-20.0, -38.0)
_SYLLABLES, _SEED = 130, 11
_PORT = 31_994  # below the ports that the kernel gives away
_RELAY = """
id = "bench"
through_ms = 1000
[[input]]
source = "file:said.wav"
repeat = true
[[rtp]]
to = ["127.0.0.1:{port}"]
heard_after_ms = 300
sdp = "relay.sdp"
[[fm]]
to = "{fm}"
pi = "7001"
[[line]]
to = "{line}"
"""
_MINUTE_BLOCKS = 3_000
_DAY_S = 86_400.0


class _Given:
    """A clock that the bench moves."""

    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def now_utc(self) -> datetime:
        return datetime.fromtimestamp(BEGUN_S + self.now_s, UTC)


def horns(sound: Samples, seconds: float) -> dict[str, Samples]:
    """Return what IP, FM and wired horns say of a programme, from the relay's beginning on."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder, clock = Path(name), _Given()
        soundfile.write(folder / "said.wav", sound, RATE, subtype="FLOAT")
        text = _RELAY.format(port=_PORT, fm="mpx.wav", line="file:line.wav")
        heard = []
        with Relay(parse_relay(text.encode()), folder, clock) as relay:
            session = session_of("sdp:relay.sdp", folder, plain_rtp=True)
            with LiveSource("ip", session, 0.3, clock) as horn:
                for _ in range(round((seconds + THROUGH_S + 2.0) / BLOCK_S)):
                    relay.step(clock.now_s)
                    horn.receive(BEGUN_S + clock.now_s)
                    heard.append(horn.render(BLOCK_SAMPLES, BEGUN_S + clock.now_s))
                    clock.now_s += BLOCK_S
            relay.finish()
        wired, _ = soundfile.read(folder / "line.wav", dtype="float32")
        return {"IP": np.concatenate(heard), "FM": _received(folder / "mpx.wav"), "wired": wired}


def _received(path: Path) -> Samples:
    station, ear = Station(id="x", carrier="wired"), MonoEar()
    receiver = MultiplexReceiver(StationList((station,), dict(PROFILES)), station, sink=ear)
    for block in MultiplexFile(path, _Given()).blocks():
        receiver.process(block)
    receiver.finish()
    return ear.sound


def _lufs(sound: Samples) -> float:
    found = loudness_lufs(sound)
    return np.nan if found is None else found


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Yield the rows; `runs` does not matter: nothing of it depends on the machine."""
    del runs
    late_ms: dict[str, list[float]] = {"IP": [], "FM": [], "wired": []}
    apart_lu, names = [], []
    first, count = round(THROUGH_S * RATE), round(HEARD_S * RATE)
    for number, voice in enumerate(v for v in available(VOICES) if v.half == "held out"):
        text = announcement(np.random.default_rng(_SEED + number), syllables=_SYLLABLES)
        for level_dbfs in LEVELS_DBFS:
            sound = at_house_rate(*read_aloud(text, voice), level_dbfs=level_dbfs)
            found = horns(sound, HEARD_S)
            came = np.resize(sound, count)
            for path, heard in found.items():
                late = measure_delay(came, heard[: first + count], RATE, range_s=(0.0, 2.0))
                late_ms[path].append(
                    1e3 * (late.value - THROUGH_S) if late.value is not None else np.nan
                )
            loud = [_lufs(one[first : first + count]) for one in found.values()]
            apart_lu.append(float(np.ptp(loud)))
            names.append(f"{voice.name} at {level_dbfs:g} dBFS")
            said = ", ".join(f"{path} {one:.2f}" for path, one in zip(found, loud, strict=True))
            print(f"{names[-1]}: {said} LUFS", file=sys.stderr, flush=True)
    trials = len(names)
    for path, errors in late_ms.items():
        worst = float(np.max(np.abs(errors)))
        yield row(
            f"loa relay, through-delay of {path}: off the {1e3 * THROUGH_S:g} ms asked for, worst",
            worst,
            "ms",
            "≤ 5",
            ok=worst <= 5.0,
            runs=trials,
        )
    worst_lu, at = max(apart_lu), names[int(np.argmax(apart_lu))]
    yield row(
        f"loa relay, loudness of the three paths in 20 s: apart at most ({at})",
        worst_lu,
        "LU",
        "≤ 0.5",
        ok=worst_lu <= 0.5,
        runs=trials,
    )


def memory_row(hours: float) -> dict[str, Any]:
    """Relay for so long to nobody; the growth of memory by the last three quarters of it."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder, clock, held = Path(name), _Given(), []
        voice = available(VOICES)[0]
        text = announcement(np.random.default_rng(_SEED), syllables=_SYLLABLES)
        soundfile.write(folder / "said.wav", at_house_rate(*read_aloud(text, voice)), RATE)
        os.mkfifo(folder / "exciter")
        settings = _RELAY.format(port=_PORT, fm="pipe:exciter", line="null")
        with Relay(parse_relay(settings.encode()), folder, clock) as relay:
            for block in range(round(hours * 3600.0 / BLOCK_S)):
                relay.step(clock.now_s)
                clock.now_s += BLOCK_S
                if block % _MINUTE_BLOCKS == 0:
                    record_of(relay, clock)
                    held.append((clock.now_s, own_mb()))
    at_s, memory_mb = np.array(held[len(held) // 4 :]).T
    slope = float(np.polyfit(at_s, memory_mb, 1)[0]) * _DAY_S
    work = f"loa relay, {hours:g} h accelerated: growth of memory, from {memory_mb[0]:.0f} MB"
    return row(work, slope, "MB a day", None, ok=None, runs=1)


def main() -> int:
    """Print the rows, or that of memory; the exit code is 1 where one is missed."""
    parser = argparse.ArgumentParser(description="What loa relay does to a voice on each path.")
    parser.add_argument("--hours", type=float, help="only memory, over so long")
    hours = parser.parse_args().hours
    missed = False
    for found in rows(runs=1) if hours is None else [memory_row(hours)]:
        print(f"{found['work']}: {found['value']:.4g} {found['unit']} {found['ok']}", flush=True)
        missed |= found["ok"] is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
