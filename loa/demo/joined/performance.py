"""The performance: `loa relay` and two `loa speaker`, as programs of their own, in real time.

The relay's own lines are the clock: at its `EMERGENCY_AT` the desk sends an emergency and at its
`CANCEL_AT` ends it, at its `FORGED_AT` a stranger sends another in the desk's name. What the
loudspeakers played is on their taps, what the FM exciter got is a multiplex; both say when they
began.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsp.errors import Refusal
from dsp.playout.alert_tone import alert
from ingest.clock import Clock
from loa.demo.joined.stage import HORNS, Stage
from transmit.bulletin.datagrams import datagrams_of

SECONDS = 22
EMERGENCY_AT, CANCEL_AT, FORGED_AT = 12, 16, 18
_SPEAKER_S = 600  # they are ended when the relay has ended
_SEND_AGAIN = 3
_PATIENCE_S = 60
_TELLING = ("loa.relay/1", "loa.speaker/1")
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class Performance:
    """What is left of it.

    Attributes
    ----------
    relay
        Lines of the relay.
    horns
        Lines of each loudspeaker, `loa.status/1` among them.
    sent_unix_s
        When the emergency was sent.
    """

    relay: list[dict[str, Any]]
    horns: dict[str, list[dict[str, Any]]]
    sent_unix_s: float

    @property
    def stalls(self) -> int:
        """How often the machine stood still, so that the relay went on from a later moment."""
        return int(self.relay[-1]["stalls"]) if self.relay else 0


def perform(stage: Stage, clock: Clock, progress: Callable[[str, float], None]) -> Performance:
    """Run the programs; raises a Refusal where one of them cannot."""
    with ExitStack() as held:
        speakers = {
            horn: held.enter_context(_Program(stage, horn, _speaker(horn))) for horn in HORNS
        }
        for speaker in speakers.values():
            speaker.wait_for_lines(1)
        words = ["relay", "RELAY.toml", "--seconds", str(SECONDS), "--json"]
        relay = held.enter_context(_Program(stage, "relay", words))
        relay.wait_for_lines(1)
        for horn in HORNS:
            stage.announce(horn, clock.now_utc())
        sent_unix_s = 0.0
        for second in range(2, SECONDS + 1):
            relay.wait_for_lines(second)
            progress("relayed to IP and FM", second / SECONDS)
            if second == EMERGENCY_AT:
                sent_unix_s = clock.now_utc().timestamp()
                _send(stage, stage.emergency(clock.now_utc(), by="desk"))
                _alert_to_relay(stage)
            elif second == CANCEL_AT:
                _send(stage, stage.cancel(clock.now_utc()))
            elif second == FORGED_AT:
                _send(stage, stage.emergency(clock.now_utc(), by="stranger"))
        relay.wait()
        for speaker in speakers.values():
            speaker.stop()
        return Performance(
            relay.lines, {horn: speaker.lines for horn, speaker in speakers.items()}, sent_unix_s
        )


def _speaker(horn: str) -> list[str]:
    tap = ["--tap", f"{horn}.wav"]
    return ["speaker", f"{horn}.toml", "--seconds", str(_SPEAKER_S), *tap, "--json"]


def _send(stage: Stage, message: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(_SEND_AGAIN):
            for port in stage.commands.values():
                for datagram in datagrams_of(message):
                    sender.sendto(datagram, ("127.0.0.1", port))


def _alert_to_relay(stage: Stage) -> None:
    """Give the relay the alert for the horns that have no keys: by its pipe, which comes first."""
    import fcntl

    descriptor = os.open(stage.path("emergency.pipe"), os.O_WRONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.write(descriptor, np.round(alert() * 32_767).astype("<i2").tobytes())
    finally:
        os.close(descriptor)


class _Program:
    """A `loa` of its own in the stage's folder, whose lines are read as they come."""

    def __init__(self, stage: Stage, name: str, words: list[str]) -> None:
        self.lines: list[dict[str, Any]] = []
        self._name = name
        self._errors = stage.path(f"{name}.log")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "loa", *words],
                cwd=stage.folder,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
                text=True,
                encoding="utf-8",
            )

    def wait_for_lines(self, count: int) -> None:
        """Read until so many lines of status have come."""
        while sum(line["schema"] in _TELLING for line in self.lines) < count:
            if not self._read():
                raise self._failed()

    def wait(self) -> None:
        """Read to the end."""
        while self._read():
            pass
        if self._process.wait(_PATIENCE_S) != 0:
            raise self._failed()

    def stop(self) -> None:
        """End it as Ctrl-C does, and read what it says of it."""
        self._process.terminate()
        self.wait()

    def _read(self) -> bool:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            self.lines.append(json.loads(line))
        return bool(line)

    def _failed(self) -> Refusal:
        said = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Refusal(
            "demo.program",
            expected=f"loa {self._name} to run",
            got=said[-1] if said else "an end without a word",
            advice="loa doctor",
            exit_code=3,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it in any case."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def tap_of(stage: Stage, horn: str) -> Path:
    """Return what a loudspeaker played."""
    return stage.path(f"{horn}.wav")
