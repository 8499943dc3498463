"""Receiver reports: when they are due, what they say, that SRTCP hides them."""

from __future__ import annotations

import pytest

from bench.stream.network import BEGUN_S, form_of, programme, sent
from dsp.packet import rtcp
from dsp.packet.srtp import Opener
from ingest.rtp.receiver import RtpReceiver
from ingest.rtp.receiver_reports import INTERVAL_S, ReceiverReports
from transmit.rtp.payloads import CODECS

KEY = bytes(range(30))
CODEC = CODECS["pcmu"]


def receiving(key=None, lose=10):
    receiver = RtpReceiver(form_of(CODEC, key=key))
    for index, (at, control, data) in enumerate(sent(programme(3), "pcmu", key=key)):
        if control:
            receiver.control(data, at + 0.05)
        elif index % lose != 5:
            receiver.datagram(data, at + 0.05)
    return receiver


def test_intervals_are_shaken_and_the_first_is_half():
    chances = iter([0.0, 1.0, 0.5, 0.5, 0.5])
    reports = ReceiverReports(receiving(), chance=lambda: next(chances))
    told = [s / 10 for s in range(200) if reports.due(BEGUN_S + s / 10) is not None]
    assert told == pytest.approx([1.3, 8.8, 13.8, 18.8], abs=0.11)
    assert told[2] - told[1] == pytest.approx(INTERVAL_S)


@pytest.mark.parametrize("key", [None, KEY])
def test_what_is_said_is_what_was_heard(key):
    receiver = receiving(key)
    reports = ReceiverReports(receiver, chance=lambda: 0.0)
    assert reports.due(BEGUN_S) is None
    data = reports.due(BEGUN_S + 3.0)
    assert data is not None
    if key is not None:
        data = Opener(key).rtcp(data)
    report, names = rtcp.parse_compound(data)
    (block,) = report.blocks
    assert block.ssrc == receiver.ssrc
    assert report.ssrc != receiver.ssrc
    assert list(names.names) == [report.ssrc]
    assert block.lost == pytest.approx(15, abs=2)
    assert block.fraction_lost / 256 == pytest.approx(0.1, abs=0.02)
    # The last sender report came 0.24 + 2 + 0.05 s after the beginning.
    assert block.delay_since_last_report / 65_536 == pytest.approx(0.71, abs=0.03)


def test_nothing_heard_is_nothing_said():
    reports = ReceiverReports(RtpReceiver(form_of(CODEC)), chance=lambda: 0.0)
    assert [reports.due(BEGUN_S + s) for s in range(20)] == [None] * 20


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, -1.8e9])
def test_a_clock_that_was_set_neither_floods_nor_silences(step_s):
    reports = ReceiverReports(receiving(), chance=lambda: 0.5)
    assert sum(reports.due(BEGUN_S + s / 10) is not None for s in range(150)) == 3
    after = [reports.due(BEGUN_S + step_s + s / 10) is not None for s in range(150)]
    assert 2 <= sum(after) <= 3
