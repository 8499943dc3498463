"""A day of a loudspeaker in minutes: the player, a card that is 200 ppm off, a network that shakes.

    python -m bench.stream.day [--hours 24] [--ppm 200]

A sender of 1 kHz in G.711 under SRTP, its packets delayed by 30 ms and shaken; the card asks for a
block of 20 ms whenever it has played the one before. No time passes, so nothing of it depends on
the machine. The stream changes its SSRC every twenty minutes, as it does on the air.

Printed as rows of `loa bench stream`: under-runs (samples of silence or concealment once it
plays), how far the buffer leaves its mean, how far the pitch leaves 1 kHz in true time (a tenth of
a second at a time), and by how much the process's memory grows in a day of playing.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.own_memory import own_mb
from bench.row import row
from bench.stream.network import BEGUN_S, RATE, REPORT_S, Packet, form_of
from dsp.contract import Samples
from dsp.packet.rtcp import ntp_from_unix
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver
from transmit.rtp.payloads import CODECS, Payload, PayloadEncoder
from transmit.rtp.stream import Datagram, Kind, RtpStream

TONE_HZ = 1000.0
DELAY_S, JITTER_S = 0.03, 0.002
PLAYOUT_S = 0.4
BLOCK = RATE // 50
_KEY = bytes(range(30))
_CODEC = CODECS["pcmu"]
_SETTLED_S = 30.0  # while the crystal is learned
_WINDOW_BLOCKS = 5
_DAY_S = 86_400.0


def tone_packets(seconds: float, seed: int = 3) -> Iterator[Packet]:
    """Yield the packets of a tone in the order of their arrival, lazily: a day is long."""
    rng = random.Random(seed)
    stream = RtpStream(_CODEC, key=_KEY, random_bits=rng.getrandbits)
    loop = _loop()
    on_the_way: list[tuple[float, int, bool, bytes]] = []
    numbers, report_s = itertools.count(), float("-inf")

    def carry(datagram: Datagram) -> None:
        at_s = BEGUN_S + datagram.due_ticks / _CODEC.clock_hz
        at_s += max(0.0, rng.gauss(DELAY_S, JITTER_S))
        is_control = datagram.kind is Kind.CONTROL
        heapq.heappush(on_the_way, (at_s, next(numbers), is_control, datagram.data))

    for number in range(int(seconds * 50)):
        ticks = 160 * number
        stream.renew_source_if_due()
        if stream.needs_report or number / 50 - report_s >= REPORT_S:
            report_s = number / 50
            carry(stream.report(ntp_from_unix(round((BEGUN_S + report_s) * 1e9)), ticks))
        for datagram in stream.send(Payload(loop[number % len(loop)], ticks, 160)):
            carry(datagram)
        while on_the_way[0][0] < BEGUN_S + number / 50 - 0.2:
            at_s, _, control, data = heapq.heappop(on_the_way)
            yield at_s, control, data
    while on_the_way:
        at_s, _, control, data = heapq.heappop(on_the_way)
        yield at_s, control, data


def _loop() -> list[bytes]:
    """Return payloads of one second of the tone, which end where they begin."""
    tone = 0.3 * np.sin(2 * np.pi * TONE_HZ * np.arange(3 * RATE) / RATE)
    payloads = PayloadEncoder(_CODEC).encode(tone.astype(np.float32))
    return [payload.data for payload in payloads[50:100]]


@dataclass
class Day:
    """What was seen, block by block."""

    played_s: float = 0.0
    silent: int = 0
    concealed: int = 0
    jumps: int = 0
    refused: int = 0
    sources: int = 0
    buffer_s: list[float] = field(default_factory=list)  # extremes and mean of every minute
    worst_pitch: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)


class _Pitch:
    """The frequency of the tone in true time, from the phase of every tenth of a second."""

    def __init__(self, card_rate_hz: float) -> None:
        angle = 2 * np.pi * TONE_HZ / card_rate_hz
        self._carrier = np.exp(-1j * angle * np.arange(_WINDOW_BLOCKS * BLOCK))
        self._turn = angle * _WINDOW_BLOCKS * BLOCK
        self._window_s = _WINDOW_BLOCKS * BLOCK / card_rate_hz
        self._blocks: list[Samples] = []
        self._before: complex | None = None

    def take(self, block: Samples) -> float | None:
        """Return the relative error where a window has become full."""
        self._blocks.append(block)
        if len(self._blocks) < _WINDOW_BLOCKS:
            return None
        now = complex(np.dot(np.concatenate(self._blocks), self._carrier))
        self._blocks.clear()
        before, self._before = self._before, now
        if not before or not now:  # silence has no pitch
            return None
        step = np.angle(now / before * np.exp(-1j * self._turn))
        return float(step / (2 * np.pi * self._window_s * TONE_HZ))


def play(hours: float, ppm: float) -> Day:
    """Play so long on a card that is so much too fast."""
    seconds, card_rate_hz = hours * 3600.0, RATE * (1 + ppm * 1e-6)
    receiver = RtpReceiver(form_of(_CODEC, key=_KEY))
    player, day, pitch = Player(receiver, PLAYOUT_S), Day(), _Pitch(card_rate_hz)
    packets = tone_packets(seconds + 2.0)
    following = next(packets, None)
    buffers: list[float] = []
    before = (0, 0)
    for number in range(int(seconds * card_rate_hz / BLOCK)):
        moment_s = BEGUN_S + number * BLOCK / card_rate_hz
        while following is not None and following[0] <= moment_s:
            at_s, control, data = following
            receiver.control(data, at_s) if control else receiver.datagram(data, at_s)
            following = next(packets, None)
        block = player.render(BLOCK, moment_s)
        error = pitch.take(block)
        if moment_s - BEGUN_S < _SETTLED_S:
            before = (player.counts.silent, player.counts.concealed)
            continue
        buffers.append(player.buffered_s)
        if error is not None:
            day.worst_pitch = max(day.worst_pitch, abs(error))
        if len(buffers) == 3000:
            day.buffer_s += [min(buffers), float(np.mean(buffers)), max(buffers)]
            buffers.clear()
            day.memory.append((moment_s - BEGUN_S, own_mb()))
    day.played_s = seconds
    day.silent = player.counts.silent - before[0]
    day.concealed = player.counts.concealed - before[1]
    day.jumps = player.counts.jumps
    day.sources = receiver.counts["source"]
    day.refused = sum(n for kind, n in receiver.counts.items() if "." in kind)
    return day


def rows(hours: float, ppm: float) -> Iterator[dict[str, Any]]:
    """Yield the rows of one day."""
    day = play(hours, ppm)
    work = f"player, {hours:g} h accelerated, {ppm:+g} ppm"
    gaps = day.silent + day.concealed + day.jumps
    yield row(
        f"{work}: samples of silence or concealment, and jumps",
        gaps,
        "",
        "≤ 0",
        ok=gaps == 0,
        runs=1,
    )
    means = np.array(day.buffer_s[1::3])
    away_ms = 1e3 * max(max(day.buffer_s) - means.mean(), means.mean() - min(day.buffer_s))
    yield row(f"{work}: buffer away from its mean", away_ms, "ms", "≤ 20", ok=away_ms <= 20, runs=1)
    percent = 100 * day.worst_pitch
    yield row(
        f"{work}: pitch, worst tenth of a second", percent, "%", "≤ 0.1", ok=percent <= 0.1, runs=1
    )
    # The first quarter is warming up: caches, the allocator.
    at_s, held_mb = np.array(day.memory[len(day.memory) // 4 :]).T
    slope = float(np.polyfit(at_s, held_mb, 1)[0]) * _DAY_S
    yield row(f"{work}: growth of memory", slope, "MB a day", "≤ 1", ok=slope <= 1, runs=1)
    said = {"sources": day.sources, "refused": day.refused, "buffer_ms": 1e3 * means.mean()}
    print(json.dumps(said), file=sys.stderr)


def main() -> int:
    """Play a day each way; the exit code is 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--ppm", type=float, nargs="*", default=[200.0, -200.0])
    options = parser.parse_args()
    missed = False
    for ppm in options.ppm:
        for found in rows(options.hours, ppm):
            print(
                f"| {found['work']} | {found['value']:.4g} {found['unit']} | {found['required']} |"
            )
            missed |= not found["ok"]
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
