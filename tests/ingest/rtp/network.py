"""A sender, a network that loses, delays and reorders, and cards with wrong crystals."""

from __future__ import annotations

import itertools
import random

import numpy as np

from dsp.packet.rtcp import ntp_from_unix
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from transmit.rtp.payloads import CODECS, PayloadEncoder
from transmit.rtp.stream import REPAIR_PAYLOAD_TYPE, Kind, RtpStream

RATE = 48_000
BEGUN_S = 1_800_000_000.0


def programme(seconds, seed=1):
    """Band-limited noise with a sharp autocorrelation."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequency < 300) | (frequency > 3000)] = 0
    wave = np.fft.irfft(spectrum, count)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def form_of(codec, fec=None, key=None):
    return StreamFormat(
        codec.payload_type,
        codec.encoding,
        codec.clock_hz,
        codec.sdp_channels,
        REPAIR_PAYLOAD_TYPE if fec else None,
        key,
    )


def sent(audio, codec_name="opus", fec=None, key=None, seed=3, begun_s=BEGUN_S):
    """Return [(moment of sending, is control, bytes)] of a stream that begins at `begun_s`."""
    codec = CODECS[codec_name]
    encoder = PayloadEncoder(codec)
    stream = RtpStream(codec, fec=fec, key=key, random_bits=random.Random(seed).getrandbits)
    out, report_s = [], -1e9

    def put(datagrams):
        for datagram in datagrams:
            at = datagram.due_ticks / codec.clock_hz
            out.append((begun_s + at, datagram.kind is Kind.CONTROL, datagram.data))

    for payload in encoder.encode(audio) + encoder.finish():
        renewed = stream.renew_source_if_due()
        at_s = payload.ticks / codec.clock_hz
        if renewed or at_s - report_s >= 2.0:
            report_s = at_s
            ntp = ntp_from_unix(round((begun_s + at_s) * 1e9))
            put([stream.report(ntp, payload.ticks)])
        put(stream.send(payload))
    put(stream.finish(payload.ticks + payload.duration))
    return out


class Network:
    """Gilbert loss in bursts, delay with Gaussian jitter, doubles: seeded."""

    def __init__(self, loss=0.0, burst=1.0, delay_s=0.03, jitter_s=0.0, double=0.0, seed=1):
        self._random = random.Random(seed)
        self._loss, self._leave = loss, 1.0 / burst
        self._enter = loss * self._leave / max(1e-9, 1 - loss)
        self._bad = False
        self._delay_s, self._jitter_s, self._double = delay_s, jitter_s, double

    def arrivals(self, packets):
        """Return [(moment of arrival, is control, bytes)] in order of arrival."""
        carried, number = [], itertools.count()
        for at, control, data in packets:
            chance = self._random.random()
            self._bad = chance >= self._leave if self._bad else chance < self._enter
            if self._bad:
                continue
            times = 2 if self._random.random() < self._double else 1
            for _ in range(times):
                late = max(0.0, self._delay_s + self._random.gauss(0, self._jitter_s))
                carried.append((at + late, next(number), control, data))
        return [(at, control, data) for at, _, control, data in sorted(carried)]


def played(form, arrivals, seconds, *, delay_s=0.4, ppm=0.0, offset_s=0.0, block=960):
    """Return (tap, moments of its blocks, player, receiver) of a card that is `ppm` too fast."""
    receiver = RtpReceiver(form)
    player = Player(receiver, delay_s)
    waiting = iter(arrivals)
    following = next(waiting, None)
    card_hz = RATE * (1 + ppm * 1e-6)
    taps, moments = [], []
    position = 0
    while position < seconds * RATE:
        moment = BEGUN_S + offset_s + position / card_hz
        while following is not None and following[0] <= moment:
            at, control, data = following
            receiver.control(data) if control else receiver.datagram(data, at)
            following = next(waiting, None)
        taps.append(player.render(block, moment))
        moments.append(moment)
        position += block
    return np.concatenate(taps), np.array(moments), player, receiver


def skew_s(first, second, at_s, length_s=1.0):
    """Return by how much `second` is later than `first`; both (tap, moments), around a moment.

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
    return (fine if fine < len(grid) else fine - len(score)) / RATE
