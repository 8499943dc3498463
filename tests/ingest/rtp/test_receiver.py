"""The receiver believes nothing: forged, replayed, foreign and broken packets are counted."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bench.stream_network import BEGUN_S, RATE, Network, form_of, programme, sent
from dsp.errors import Refusal
from dsp.packet.rtp import RtpPacket, parse
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from transmit.rtp.payloads import CODECS
from transmit.rtp.stream import FecProfile

KEY, OTHER = bytes(range(30)), bytes(range(1, 31))
CODEC = CODECS["pcmu"]


def fed(receiver, arrivals):
    for at, control, data in arrivals:
        receiver.control(data) if control else receiver.datagram(data, at)
    return receiver


@pytest.fixture(scope="module")
def audio():
    return programme(3)


def heard(receiver, seconds=3):
    samples, there = receiver.timeline.read(0, int(seconds * receiver.rate_hz))
    return samples, there


def test_order_and_doubles_do_not_matter(audio):
    packets = sent(audio, "pcmu")
    plain = fed(RtpReceiver(form_of(CODEC)), packets)
    shaken = fed(
        RtpReceiver(form_of(CODEC)), Network(jitter_s=0.03, double=0.2, seed=3).arrivals(packets)
    )
    # Places begin at whichever packet came first; moments are the same.
    begin, other = (round(r.clock.place_at(BEGUN_S + 0.1)) for r in (plain, shaken))
    wanted, first = plain.timeline.read(begin, 2 * 8000)
    got, second = shaken.timeline.read(other, 2 * 8000)
    assert (first & second).mean() > 0.99
    np.testing.assert_array_equal(wanted[first & second], got[first & second])


def test_two_senders_with_one_key_do_not_talk_by_turns(audio):
    """The one that came last is heard; the other only when that one has ended."""
    first = sent(audio, "pcmu", key=KEY, seed=3)
    second = sent(audio[: 2 * RATE], "pcmu", key=KEY, seed=4, begun_s=BEGUN_S + 0.5)
    receiver = RtpReceiver(form_of(CODEC, key=KEY))
    changes = [
        receiver.ssrc
        for packet in sorted([*first, *second], key=lambda packet: packet[0])
        if fed(receiver, [packet]).ssrc is not None
    ]
    runs = [
        ssrc for number, ssrc in enumerate(changes) if number == 0 or changes[number - 1] != ssrc
    ]
    assert len(runs) == 3
    assert runs[0] == runs[2] != runs[1]
    assert receiver.counts["rtp.ssrc"] == pytest.approx(100, abs=3)


def test_without_the_key_nothing_is_heard(audio):
    packets = sent(audio, "pcmu", key=KEY)
    for form in (form_of(CODEC, key=OTHER), form_of(CODEC, key=None)):
        receiver = fed(RtpReceiver(form), packets)
        if form.key is None:  # noise it would be; the description says SRTP, so nobody does this
            continue
        assert receiver.counts["media"] == receiver.counts["recovered"] == 0
        assert receiver.counts["srtp.authentication"] > 140
        assert receiver.counts["srtcp.authentication"] >= 2
        assert not heard(receiver)[1].any()


def test_ten_thousand_forgeries_are_never_played(audio):
    """Altered, replayed, of another key, plain, truncated: media, repairs and reports."""
    fec = FecProfile(10, 5, 5)
    packets = sent(audio, "pcmu", fec=fec, key=KEY)
    strangers = sent(audio, "pcmu", fec=fec, key=OTHER, seed=9)
    plain = sent(audio, "pcmu", fec=fec, seed=3)
    receiver = fed(RtpReceiver(form_of(CODEC, fec, KEY)), packets)
    before = (heard(receiver)[0].copy(), receiver.counts["media"], receiver.counts["recovered"])
    reports, moment = receiver.counts["report"], receiver.clock.moment_of(0)
    rng = random.Random(1)
    for _ in range(10_000):
        kind = rng.randrange(5)
        at, control, data = rng.choice((packets, packets, strangers, plain, packets)[kind])
        data = bytearray(data)
        if kind == 1:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        if kind == 4:
            data = data[: rng.randrange(len(data))]
        if control:
            # A report that is replayed says what it said: libsrtp refuses it by its index.
            receiver.control(bytes(data))
        else:
            receiver.datagram(bytes(data), at)
    np.testing.assert_array_equal(heard(receiver)[0], before[0])
    assert (receiver.counts["media"], receiver.counts["recovered"]) == before[1:]
    assert (receiver.counts["report"], receiver.clock.moment_of(0)) == (reports, moment)
    refused = sum(n for kind, n in receiver.counts.items() if "." in kind)
    assert refused >= 9_900


def test_a_thousand_broken_plain_packets_never_raise(audio):
    fec = FecProfile(10, 5, 5)
    packets = sent(audio, "pcmu", fec=fec)
    receiver = RtpReceiver(form_of(CODEC, fec))
    rng = random.Random(2)
    for _ in range(1500):
        at, control, data = rng.choice(packets)
        data = bytearray(data[: rng.randrange(1, len(data) + 1)])
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        receiver.control(bytes(data)) if control else receiver.datagram(bytes(data), at)
    assert sum(receiver.counts.values()) > 500
    assert np.all(np.isfinite(heard(receiver)[0]))


@pytest.mark.parametrize("codec", ["opus", "g722", "pcma", "l16"])
def test_rubbish_payloads_are_lost_packets(codec):
    chosen = CODECS[codec]
    receiver = RtpReceiver(form_of(chosen))
    rng = random.Random(5)
    for n in range(300):
        data = rng.randbytes(rng.randrange(300))
        receiver.datagram(RtpPacket(chosen.payload_type, n, 960 * n, 7, data).pack(), BEGUN_S)
    assert np.all(np.abs(receiver.timeline.read(0, 48_000)[0]) <= 32.0)


def test_a_second_sender_cannot_talk_over_the_first(audio):
    packets = sent(audio, "pcmu")
    intruder = sent(programme(3, seed=8), "pcmu", seed=11)
    mixed = sorted(packets[:80] + intruder[80:] + packets[80:])
    receiver = fed(RtpReceiver(form_of(CODEC)), mixed)
    assert receiver.counts["rtp.ssrc"] > 60
    alone = fed(RtpReceiver(form_of(CODEC)), packets)
    np.testing.assert_array_equal(heard(receiver)[0], heard(alone)[0])


def test_a_sender_that_begins_anew_is_followed_after_its_silence(audio):
    first = sent(audio[:RATE], "pcmu")[:-1]  # no goodbye
    again = [(at + 4, control, data) for at, control, data in sent(audio, "pcmu", seed=12)]
    receiver = fed(RtpReceiver(form_of(CODEC)), first + again)
    assert receiver.counts["source"] == 1
    assert receiver.counts["media"] > 190


def test_another_payload_type_is_counted(audio):
    receiver = RtpReceiver(form_of(CODEC))
    receiver.datagram(RtpPacket(8, 1, 2, 3, b"x").pack(), BEGUN_S)
    assert receiver.counts == {"rtp.payload_type": 1}


def test_a_codec_nobody_plays():
    with pytest.raises(Refusal, match=r"rtp\.codec"):
        RtpReceiver(StreamFormat(96, "VIDEO", 90_000))


def test_the_report_block_says_what_was_lost(audio):
    packets = sent(audio, "pcmu")
    kept = [packet for index, packet in enumerate(packets) if index % 10 != 5]
    block = fed(RtpReceiver(form_of(CODEC)), kept).report_block()
    ssrc = parse(packets[1][2]).ssrc
    assert block is not None
    assert (block.ssrc, block.lost) == (ssrc, pytest.approx(15, abs=2))
    assert block.last_report != 0
