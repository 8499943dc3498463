"""The performance: `loa relay` and two `loa speaker`, in real time.

The relay's own lines are the clock: at its `EMERGENCY_AT` the desk sends an emergency, to the
loudspeakers and to the relay, for the horns that have no keys, and at its `CANCEL_AT` ends it; at
its `FORGED_AT` a stranger sends another in the desk's name. What the loudspeakers played is on
their taps, what the FM exciter got is a multiplex; both say when they began.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.clock import Clock
from loa.demo.joined.programs import Program
from loa.demo.joined.stage import HORNS, RELAY, Stage
from transmit.bulletin.datagrams import datagrams_of

SECONDS = 22
EMERGENCY_AT, CANCEL_AT, FORGED_AT = 12, 16, 18
_SPEAKER_S = 600  # they are ended when the relay has ended
_SEND_AGAIN = 3


@dataclass(frozen=True)
class Performance:
    """What is left of it.

    Attributes
    ----------
    relay
        Its status, second by second.
    news
        What came to the doors of the loudspeakers and of the relay, and became of it.
    begun_unix_s
        When each loudspeaker began.
    sent_unix_s
        When the emergency was sent.
    """

    relay: list[dict[str, Any]]
    news: dict[str, list[dict[str, Any]]]
    begun_unix_s: dict[str, float]
    sent_unix_s: float

    @property
    def stalls(self) -> int:
        """How often the machine stood still, so that the relay went on from a later moment."""
        return int(self.relay[-1]["stalls"]) if self.relay else 0


def perform(stage: Stage, clock: Clock, progress: Callable[[str, float], None]) -> Performance:
    """Run the programs; raises a Refusal where one of them cannot."""
    with ExitStack() as held:
        speakers = {
            horn: held.enter_context(Program(stage, horn, _speaker(horn))) for horn in HORNS
        }
        for speaker in speakers.values():
            speaker.wait_for_lines(1)
        words = ["relay", "RELAY.toml", "--seconds", str(SECONDS), "--json"]
        relay = held.enter_context(Program(stage, RELAY, words))
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
            elif second == CANCEL_AT:
                _send(stage, stage.cancel(clock.now_utc()))
            elif second == FORGED_AT:
                _send(stage, stage.emergency(clock.now_utc(), by="stranger"))
        relay.wait()
        for speaker in speakers.values():
            speaker.stop()
        begun_unix_s = {horn: one.lines[-1]["begun_unix_s"] for horn, one in speakers.items()}
        news = {name: one.news for name, one in (speakers | {RELAY: relay}).items()}
        return Performance(relay.lines, news, begun_unix_s, sent_unix_s)


def _speaker(horn: str) -> list[str]:
    tap = ["--tap", f"{horn}.wav"]
    return ["speaker", f"{horn}.toml", "--seconds", str(_SPEAKER_S), *tap, "--json"]


def _send(stage: Stage, message: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(_SEND_AGAIN):
            for port in stage.commands.values():
                for datagram in datagrams_of(message):
                    sender.sendto(datagram, ("127.0.0.1", port))


def tap_of(stage: Stage, horn: str) -> Path:
    """Return what a loudspeaker played."""
    return stage.path(f"{horn}.wav")
