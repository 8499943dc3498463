"""A network that is gone for a minute: two hosts in namespaces of their own, joined by impair.py.

    python -m bench.stream.outage

`loa stream` on one host, `loa speaker` on the other, between them 30 ± 5 ms and nothing at all for
60 s. The programme is noise below 3 kHz, the fallback a tone of 6 kHz, so that the tap of the
loudspeaker says 20 ms by 20 ms what was heard. All times are told by the tap: what was the last to
come through was heard `delay_ms` after it was sent. Real time, real sockets; root and /dev/net/tun
are needed, and ../shared/tools/impair.py (LOA_IMPAIR names another place).
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.process_timing import LOA
from bench.row import row
from bench.stream.network import RATE, programme
from dsp.contract import Samples
from loa.sending.description import describe
from transmit.rtp.payloads import CODECS

OUTAGE_S = 60.0
BEGINS_S = 12.0
DELAY_S = 0.4
AFTER_S = 12.0
BLOCK = RATE // 50
TONE_HZ = 6000.0
_HEARD_BY = "10.9.0.2"
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "tools" / "impair.py"


@dataclass(frozen=True)
class Outage:
    """What the tap says, in s after the last packet before the outage, or after its end."""

    noticed_s: float
    rejoined_s: float
    unheard_s: float


def impair() -> Path | None:
    """Return where the bad network is, None where there is none."""
    path = Path(os.environ.get("LOA_IMPAIR", _BESIDE))
    return path if path.exists() and os.geteuid() == 0 and Path("/dev/net/tun").exists() else None


def heard_as(tap: Samples) -> list[str]:
    """Return what each block of 20 ms is: "programme", "fallback" or "silence"."""
    blocks = tap[: len(tap) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    power = np.mean(blocks**2, axis=1)
    carrier = np.exp(-2j * np.pi * TONE_HZ * np.arange(BLOCK) / RATE)
    tone = 2 * np.abs(blocks @ carrier / BLOCK) ** 2
    names = np.where(tone > 0.5 * power, "fallback", "programme")
    return list(np.where(power < 1e-7, "silence", names))


def judged(names: list[str], delay_s: float) -> Outage:
    """Read an outage of `OUTAGE_S` off what was heard, block by block.

    Raises
    ------
    RuntimeError
        Where programme, fallback and programme are not there: the machine had no time for them.
    """
    runs = [(name, len(list(group))) for name, group in itertools.groupby(names)]
    starts = np.cumsum([0] + [count for _, count in runs]) * BLOCK / RATE
    spans = [
        (name, begin, end) for (name, _), begin, end in zip(runs, starts, starts[1:], strict=False)
    ]
    long = [name for name, begin, end in spans if end - begin > 1.0 and name != "silence"]
    heard = [name for name, _ in itertools.groupby(long)]
    if heard[-3:] != ["programme", "fallback", "programme"]:
        raise RuntimeError(f"outage: expected programme, fallback, programme, got {heard}")
    begun = next(begin for name, begin, end in spans if name == "programme" and end - begin > 3.0)
    turned = next(begin for name, begin, _ in spans if name == "fallback" and begin > begun)
    last = max(end for name, _, end in spans if name == "programme" and end <= turned)
    gone_s = last - delay_s
    back = next(begin for name, begin, _ in spans if name == "programme" and begin > turned)
    silence = sum(end - begin for name, begin, end in spans if name == "silence" and begin >= last)
    return Outage(turned - gone_s, back - gone_s - OUTAGE_S, silence)


def run(tool: Path) -> Outage:
    """Play through an outage."""
    seconds = BEGINS_S + OUTAGE_S + AFTER_S
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        key = bytes(range(30))
        (folder / "key").touch(mode=0o600)
        (folder / "key").write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n")
        session = describe(CODECS["opus"], (_HEARD_BY, 5004), packet_ms=20, key=key)
        (folder / "s.sdp").write_text(session.describe(), newline="")
        soundfile.write(folder / "programme.wav", np.tile(programme(10.0), 12), RATE)
        tone = 0.1 * np.sin(2 * np.pi * TONE_HZ * np.arange(RATE) / RATE)
        soundfile.write(folder / "tone.wav", tone, RATE)
        (folder / "speaker.toml").write_text(
            'id = "bench"\nzone = "bench"\nsources = ["sdp:s.sdp", "file:tone.wav"]\n'
            "unsigned = true\n"
            f"delay_ms = {1000 * DELAY_S:g}\n"
        )
        send = [LOA, "stream", str(folder / "programme.wav"), "--rtp", f"{_HEARD_BY}:5004"]
        send += ["--srtp-key-file", str(folder / "key")]
        hear = [LOA, "speaker", str(folder / "speaker.toml"), "--tap", str(folder / "tap.wav")]
        hear += ["--seconds", f"{seconds:g}", "--json"]
        command = [sys.executable, str(tool), "--delay-ms", "30", "--jitter-ms", "5"]
        command += ["--outage", f"{BEGINS_S},{OUTAGE_S}", "--", *send, ":::", *hear]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(done.stdout.splitlines()[-1], file=sys.stderr)
        return judged(heard_as(soundfile.read(folder / "tap.wav", dtype="float32")[0]), DELAY_S)


def rows() -> Iterator[dict[str, Any]]:
    """Yield the rows; none where there is no such network."""
    tool = impair()
    if tool is None:
        return
    found = run(tool)
    for work, value, limit in (
        ("noticed and the fallback heard, after the last packet", found.noticed_s, 3.0),
        ("rejoined, after the network's return", found.rejoined_s, 1.0),
    ):
        yield row(
            f"60 s without a network, {work}", value, "s", f"≤ {limit:g}", ok=value <= limit, runs=1
        )
    print(json.dumps({"silence_s": round(found.unheard_s, 2)}), file=sys.stderr)


if __name__ == "__main__":
    for found_row in rows():
        print(f"{found_row['work']}: {found_row['value']:.3g} {found_row['unit']}", found_row["ok"])
