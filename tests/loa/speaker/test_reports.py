"""A loudspeaker's report reaches its sender over real sockets, the time given by the test."""

from __future__ import annotations

import itertools
import os
import random

import pytest

from bench.stream.network import BEGUN_S, programme
from dsp.packet.rtcp import ntp_from_unix
from loa.device.live import LiveSource
from loa.sending.description import describe
from loa.sending.reception_told import reception_lines, reception_said
from tests.loa.speaker.test_speaker import Still
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import CODECS, PayloadEncoder
from transmit.rtp.reception import ReceptionBook
from transmit.rtp.stream import RtpStream

CODEC = CODECS["pcmu"]
# Below the ports that the kernel gives away, a range for each worker: nobody else takes them.
PORTS = itertools.count(24_000 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 2)


@pytest.mark.parametrize("key", [None, bytes(range(30)), bytes(range(28))])
def test_the_sender_learns_how_it_is_heard(key):
    port = next(PORTS)
    session = describe(CODEC, ("127.0.0.1", port), packet_ms=20, key=key)
    stream = RtpStream(CODEC, key=key, random_bits=random.Random(1).getrandbits)
    book = ReceptionBook([("127.0.0.1", port + 1)], CODEC.clock_hz, key)
    with (
        LiveSource("live", session, 0.3, Still()) as live,
        FanOut([("127.0.0.1", port)]) as media,
        FanOut([("127.0.0.1", port + 1)]) as control,
    ):
        for number, payload in enumerate(PayloadEncoder(CODEC).encode(programme(10))):
            at_s = number / 50
            if number % 100 == 0:
                ntp = ntp_from_unix(round((BEGUN_S + at_s) * 1e9))
                control.send(stream.report(ntp, payload.ticks).data)
                book.sent(stream.ssrc, ntp, at_s)
            for datagram in stream.send(payload):
                if number % 10 != 7:
                    media.send(datagram.data)
            live.receive(BEGUN_S + at_s + 0.04)
            for data, address, _ in control.answers():
                book.take(data, address, at_s + 0.08)
    (reception,) = book.receptions.values()
    assert reception.loss == pytest.approx(0.1, abs=0.03)
    assert reception.round_trip_s == pytest.approx(0.08, abs=0.001)
    assert live.receiver.counts["report.unsent"] == 0
    (line,) = reception_lines(book)
    assert "127.0.0.1" in line
    said = reception_said(("127.0.0.1", port + 1), reception)
    assert said["destination"] == f"127.0.0.1:{port}"
    assert said["round_trip_ms"] == pytest.approx(80, abs=1)


def test_a_group_is_not_reported_on():
    session = describe(CODEC, ("239.255.77.1", next(PORTS)), packet_ms=20)
    with LiveSource("live", session, 0.3, Still()) as live:
        assert live._reports is None
