"""A sender, a network that loses, delays and reorders, and cards with wrong crystals, all seeded.

No time passes: datagrams have their moments, and cards ask for blocks at theirs, so that hours of
playing are minutes of work. For the benches and tests of streaming.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.packet.rtcp import ntp_from_unix
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from transmit.rtp.payloads import CODECS, Codec, PayloadEncoder
from transmit.rtp.stream import REPAIR_PAYLOAD_TYPE, Datagram, FecProfile, Kind, RtpStream

RATE = 48_000
BEGUN_S = 1_800_000_000.0
REPORT_S = 2.0

Packet = tuple[float, bool, bytes]
"""Moment in s, whether it is for the control port, the datagram."""
Tap = tuple[Samples, npt.NDArray[np.float64]]
"""What was played, and the moments of its blocks."""


def programme(seconds: float, seed: int = 1) -> Samples:
    """Return band-limited noise, whose correlation has one sharp peak."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequency_hz < 300) | (frequency_hz > 3000)] = 0
    wave = np.fft.irfft(spectrum, count)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


def form_of(codec: Codec, fec: FecProfile | None = None, key: bytes | None = None) -> StreamFormat:
    """Return what a session description would say of a stream."""
    return StreamFormat(
        codec.payload_type,
        codec.encoding,
        codec.clock_hz,
        codec.sdp_channels,
        REPAIR_PAYLOAD_TYPE if fec else None,
        key,
    )


def sent(
    audio: Samples,
    codec_name: str = "opus",
    fec: FecProfile | None = None,
    key: bytes | None = None,
    seed: int = 3,
    begun_s: float = BEGUN_S,
) -> list[Packet]:
    """Return the datagrams of a stream that begins at `begun_s`, with their moments of sending."""
    codec = CODECS[codec_name]
    encoder = PayloadEncoder(codec)
    stream = RtpStream(codec, fec=fec, key=key, random_bits=random.Random(seed).getrandbits)
    out: list[Packet] = []

    def put(datagrams: Iterable[Datagram]) -> None:
        for datagram in datagrams:
            at_s = begun_s + datagram.due_ticks / codec.clock_hz
            out.append((at_s, datagram.kind is Kind.CONTROL, datagram.data))

    report_s, end = float("-inf"), 0
    for payload in [*encoder.encode(audio), *encoder.finish()]:
        stream.renew_source_if_due()
        at_s = payload.ticks / codec.clock_hz
        if stream.needs_report or at_s - report_s >= REPORT_S:
            report_s = at_s
            ntp = ntp_from_unix(round((begun_s + at_s) * 1e9))
            put([stream.report(ntp, payload.ticks)])
        put(stream.send(payload))
        end = payload.ticks + payload.duration
    put(stream.finish(end))
    return out


class Network:
    """Gilbert loss with bursts of a mean length, delay with Gaussian jitter, doubles."""

    def __init__(
        self,
        loss: float = 0.0,
        burst: float = 1.0,
        delay_s: float = 0.03,
        jitter_s: float = 0.0,
        double: float = 0.0,
        seed: int = 1,
    ) -> None:
        self._random = random.Random(seed)
        self._leave = 1.0 / burst
        self._enter = loss * self._leave / max(1e-9, 1 - loss)
        self._bad = False
        self._delay_s, self._jitter_s, self._double = delay_s, jitter_s, double

    def loses(self) -> bool:
        """Tell whether the next packet is lost."""
        chance = self._random.random()
        self._bad = chance >= self._leave if self._bad else chance < self._enter
        return self._bad

    def arrivals(self, packets: Iterable[Packet]) -> list[Packet]:
        """Return what arrives, in order of arrival."""
        carried, number = [], itertools.count()
        for at, control, data in packets:
            if self.loses():
                continue
            for _ in range(2 if self._random.random() < self._double else 1):
                late_s = max(0.0, self._delay_s + self._random.gauss(0, self._jitter_s))
                carried.append((at + late_s, next(number), control, data))
        return [(at, control, data) for at, _, control, data in sorted(carried)]


@dataclass(frozen=True)
class Card:
    """A sound card: its crystal's error, and by how much later than others it began."""

    ppm: float = 0.0
    offset_s: float = 0.0


def played(
    form: StreamFormat,
    arrivals: Iterable[Packet],
    seconds: float,
    *,
    delay_s: float = 0.4,
    card: Card | None = None,
) -> tuple[Samples, npt.NDArray[np.float64], Player, RtpReceiver]:
    """Play what arrives on a card; return tap, moments of its blocks of 20 ms, and who did it."""
    card, block = card or Card(), RATE // 50
    receiver = RtpReceiver(form)
    player = Player(receiver, delay_s)
    waiting = iter(arrivals)
    following = next(waiting, None)
    taps, moments = [], []
    for position in range(0, int(seconds * RATE), block):
        moment = BEGUN_S + card.offset_s + position / (RATE * (1 + card.ppm * 1e-6))
        while following is not None and following[0] <= moment:
            at, control, data = following
            if control:
                receiver.control(data, at)
            else:
                receiver.datagram(data, at)
            following = next(waiting, None)
        taps.append(player.render(block, moment))
        moments.append(moment)
    return np.concatenate(taps), np.array(moments), player, receiver


def skew_s(first: Tap, second: Tap, at_s: float, length_s: float = 1.0) -> float:
    """Return by how much `second` is later than `first` around a moment after the beginning.

    Taps are brought to true time by the moments of their blocks, then correlated, with a parabola
    through the three highest points.
    """
    grid = BEGUN_S + at_s + np.arange(int(length_s * RATE)) / RATE
    brought = []
    for tap, moments in (first, second):
        block = len(tap) // len(moments)
        knots = np.append(np.arange(len(moments)) * block, len(tap))
        ends = np.append(moments, 2 * moments[-1] - moments[-2])
        places = np.interp(grid, ends, knots)
        brought.append(np.interp(places, np.arange(len(tap)), tap))
    a, b = (np.fft.rfft(signal, 2 * len(grid)) for signal in brought)
    score = np.fft.irfft(b * np.conj(a))
    peak = int(np.argmax(score))
    left, top, right = score[peak - 1], score[peak], score[(peak + 1) % len(score)]
    fine = peak + 0.5 * (left - right) / (left - 2 * top + right)
    return float((fine if fine < len(grid) else fine - len(score)) / RATE)
