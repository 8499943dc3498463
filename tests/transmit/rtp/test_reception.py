"""What receivers report: believed from whom it is asked of, about what was sent, and no further."""

from __future__ import annotations

import random
import socket

import pytest

from dsp.packet.rtcp import (
    Goodbye,
    ReceiverReport,
    ReceptionBlock,
    SenderReport,
    middle_bits,
    ntp_from_unix,
)
from dsp.packet.srtp import sealer
from transmit.rtp.fan_out import FanOut
from transmit.rtp.reception import ReceptionBook

KEY = bytes(range(30))
HORN = ("10.9.0.2", 5005)
NTP = ntp_from_unix(1_800_000_000 * 10**9)
LAST = middle_bits(NTP)


def report(ssrc=7, last=LAST, delay_s=0.5, fraction=64, lost=12):
    block = ReceptionBlock(ssrc, fraction, lost, 900, 80, last, round(delay_s * 65_536))
    return ReceiverReport(99, (block,)).pack()


@pytest.fixture
def book():
    made = ReceptionBook([HORN], 8_000)
    made.sent(7, NTP, 100.0)
    return made


def test_loss_jitter_and_round_trip(book):
    book.take(report(), HORN, 100.56)
    one = book.receptions[HORN]
    assert (one.loss, one.lost, one.jitter_s) == (0.25, 12, 0.01)
    assert one.round_trip_s == pytest.approx(0.06, abs=1e-4)
    assert book.counts == {"report": 1}


def test_no_round_trip_without_a_report_of_ours(book):
    for last, delay_s in ((0, 0.0), (12345, 0.1), (middle_bits(NTP), 60.0)):
        book.take(report(last=last, delay_s=delay_s), HORN, 100.2)
        assert book.receptions[HORN].round_trip_s is None


def test_strangers_other_streams_and_forgeries_are_counted(book):
    book.take(report(), ("10.9.0.3", 5005), 100.6)
    book.take(report(ssrc=8), HORN, 100.6)
    book.take(b"rubbish", HORN, 100.6)
    book.take(SenderReport(7, 1, 1, 1, 1).pack() + Goodbye((7,)).pack(), HORN, 100.6)
    assert book.receptions == {}
    assert book.counts == {"report.stranger": 1, "report.ssrc": 1, "rtcp.version": 1}


def test_under_a_key_only_srtcp_is_believed():
    book = ReceptionBook([HORN], 8_000, KEY)
    book.sent(7, NTP, 100.0)
    book.take(report(), HORN, 100.6)
    book.take(sealer(bytes(30)).protect_rtcp(report()), HORN, 100.6)
    assert book.receptions == {}
    assert book.counts["srtcp.authentication"] == 2
    sealed = sealer(KEY).protect_rtcp(report())
    book.take(sealed, HORN, 100.6)
    book.take(sealed, HORN, 100.7)
    assert book.receptions[HORN].told_s == 100.6
    assert book.counts["srtcp.replay"] == 1


def test_a_thousand_broken_reports_never_raise_and_nothing_grows(book):
    rng, whole = random.Random(3), report()
    for number in range(1000):
        data = bytearray(whole[: rng.randrange(len(whole) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        book.take(bytes(data), HORN, 100.0 + number)
        book.sent(number, number << 16, 100.0 + number)
    assert set(book.receptions) <= {HORN}
    assert len(book._sent) <= 32
    assert len(book._sources) <= 4


def test_answers_come_with_their_age():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as horn:
        horn.bind(("127.0.0.1", 0))
        horn.settimeout(20)
        with FanOut([horn.getsockname()]) as fan:
            fan.send(b"question")
            _, sender = horn.recvfrom(100)
            horn.sendto(b"answer", sender)
            ((data, address, age_s),) = list(fan.answers())
            assert (data, address) == (b"answer", horn.getsockname())
            assert 0.0 <= age_s < 20.0
            assert list(fan.answers()) == []
