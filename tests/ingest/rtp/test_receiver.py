"""The receiver believes nothing: forged, replayed, foreign and broken packets are counted."""

from __future__ import annotations

import random

import numpy as np
import pylibsrtp
import pytest

from bench.stream.network import BEGUN_S, RATE, Network, form_of, programme, sent
from dsp.errors import Refusal
from dsp.packet.rtcp import SenderReport
from dsp.packet.rtp import RtpPacket, parse
from dsp.packet.srtp import sealer
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from transmit.rtp.payloads import CODECS
from transmit.rtp.stream import FecProfile

KEY, OTHER = bytes(range(30)), bytes(range(1, 31))
CODEC = CODECS["pcmu"]


def fed(receiver, arrivals):
    for at, control, data in arrivals:
        receiver.control(data, at) if control else receiver.datagram(data, at)
    return receiver


@pytest.fixture(scope="module")
def audio():
    return programme(3)


def heard(receiver, seconds=3):
    samples, there = receiver.read(0, int(seconds * receiver.rate_hz))
    return samples, there


def test_order_and_doubles_do_not_matter(audio):
    packets = sent(audio, "pcmu")
    plain = fed(RtpReceiver(form_of(CODEC)), packets)
    shaken = fed(
        RtpReceiver(form_of(CODEC)), Network(jitter_s=0.03, double=0.2, seed=3).arrivals(packets)
    )
    # Places begin at whichever packet came first; moments are the same.
    begin, other = (round(r.clock.place_at(BEGUN_S + 0.1)) for r in (plain, shaken))
    wanted, first = plain.read(begin, 2 * 8000)
    got, second = shaken.read(other, 2 * 8000)
    assert (first & second).mean() > 0.99
    np.testing.assert_array_equal(wanted[first & second], got[first & second])


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


def attack(audio, count, seed):
    """Send so many altered, replayed, foreign, plain and cut packets; return what was refused.

    Media, repairs and reports. What had been heard before must be all there is after.
    """
    fec = FecProfile(10, 5, 5)
    packets = sent(audio, "pcmu", fec=fec, key=KEY)
    strangers = sent(audio, "pcmu", fec=fec, key=OTHER, seed=9)
    plain = sent(audio, "pcmu", fec=fec, seed=3)
    receiver = fed(RtpReceiver(form_of(CODEC, fec, KEY)), packets)
    before = (heard(receiver)[0].copy(), receiver.counts["media"], receiver.counts["recovered"])
    reports, moment = receiver.counts["report"], receiver.clock.moment_of(0)
    sources, rng = receiver._opener.sources, random.Random(seed)
    for _ in range(count):
        kind = rng.randrange(5)
        at, control, data = rng.choice((packets, packets, strangers, plain, packets)[kind])
        data = bytearray(data)
        if kind == 1:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        if kind == 4:
            data = data[: rng.randrange(len(data))]
        if control:
            # A report that is replayed says what it said: libsrtp refuses it by its index.
            receiver.control(bytes(data), at)
        else:
            receiver.datagram(bytes(data), at)
    np.testing.assert_array_equal(heard(receiver)[0], before[0])
    assert (receiver.counts["media"], receiver.counts["recovered"]) == before[1:]
    assert (receiver.counts["report"], receiver.clock.moment_of(0)) == (reports, moment)
    assert receiver._opener.sources == sources
    assert len(receiver.counts) < 30
    return sum(n for kind, n in receiver.counts.items() if "." in kind)


def test_ten_thousand_forgeries_are_never_played(audio):
    assert attack(audio, 10_000, 1) >= 9_900


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_million_forgeries_are_never_played(audio, seed):
    assert attack(audio, 100_000, seed) >= 99_000


def rain(codec, count, seed):
    """Send payloads bent by chance; return what was heard of the last seconds, and the counts."""
    chosen, rng = CODECS[codec], random.Random(seed)
    receiver = RtpReceiver(form_of(chosen))
    whole = [data for _, control, data in sent(programme(1), codec) if not control]
    rate, ticks = receiver.rate_hz, parse(whole[1]).timestamp - parse(whole[0]).timestamp
    loudest = 0.0
    for n in range(count):
        data = bytearray(parse(rng.choice(whole)).payload)
        for _ in range(rng.randrange(5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        payload = bytes(data[: rng.randrange(1, 2 * len(data))])
        packet = RtpPacket(chosen.payload_type, n % 65_536, ticks * n % 2**32, 7, payload)
        receiver.datagram(packet.pack(), BEGUN_S + 0.02 * n)
        if n % 50 == 49:
            place = receiver.end
            samples, _ = receiver.read(place - rate, rate)
            assert np.all(np.isfinite(samples))
            loudest = max(loudest, float(np.max(np.abs(samples))))
            receiver.forget_before(place)
    return loudest, receiver.counts


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_thousand_bent_payloads_are_heard_or_lost(codec):
    loudest, counts = rain(codec, 1_000, 1)
    assert loudest <= 2.0
    assert sum(counts.values()) >= 1_000


@pytest.mark.long
@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_hundred_thousand_bent_payloads_are_heard_or_lost(codec):
    assert rain(codec, 100_000, 2)[0] <= 2.0


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
    assert np.all(np.abs(receiver.read(0, 48_000)[0]) <= 32.0)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("fec", [None, FecProfile(10, 5, 5)])
def test_a_second_sender_cannot_talk_over_the_first(audio, key, fec):
    """Not with the same key either: two senders do not take turns, packet by packet."""
    packets = sent(audio, "pcmu", fec=fec, key=key)
    intruder = sent(programme(3, seed=8), "pcmu", fec=fec, key=key, seed=11)
    mixed = sorted(packets[:80] + intruder[80:] + packets[80:])
    receiver = fed(RtpReceiver(form_of(CODEC, fec, key)), mixed)
    assert receiver.counts["rtp.collision"] > 60
    assert receiver.counts["source"] == 0
    alone = fed(RtpReceiver(form_of(CODEC, fec, key)), packets)
    np.testing.assert_array_equal(heard(receiver)[0], heard(alone)[0])


@pytest.mark.parametrize("key", [None, KEY])
def test_repairs_of_a_second_sender_repair_nothing(audio, key):
    """Blocks are numbered from nought: those of two senders have the same names."""
    fec = FecProfile(10, 5, 5)
    packets = sent(audio, "pcmu", fec=fec, key=key)
    kept = [packet for index, packet in enumerate(packets) if index % 9 != 4]
    intruder = sent(programme(3, seed=8), "pcmu", fec=fec, key=key, seed=11)
    receiver = fed(RtpReceiver(form_of(CODEC, fec, key)), sorted(kept + intruder[20:]))
    alone = fed(RtpReceiver(form_of(CODEC, fec, key)), kept)
    np.testing.assert_array_equal(heard(receiver)[0], heard(alone)[0])
    assert receiver.counts["recovered"] == alone.counts["recovered"] > 5


@pytest.mark.parametrize("lost_reports", [0, 1])
@pytest.mark.parametrize("fec", [None, FecProfile(10, 5, 5)])
def test_a_new_ssrc_of_the_same_sender_costs_not_one_sample(audio, fec, lost_reports, monkeypatch):
    """The old SSRC's goodbye goes with the new one's reports, thrice."""
    monkeypatch.setattr("transmit.rtp.stream.MAX_PACKETS_PER_SSRC", 50)
    packets = sent(audio, "pcmu", fec=fec, key=KEY)
    monkeypatch.undo()
    whole = fed(RtpReceiver(form_of(CODEC, fec, KEY)), sent(audio, "pcmu", fec=fec, key=KEY))
    reports = [index for index, packet in enumerate(packets) if packet[1]]
    second = reports[3]  # the first report of the second SSRC
    kept = [p for i, p in enumerate(packets) if i not in range(second, second + lost_reports)]
    receiver = fed(RtpReceiver(form_of(CODEC, fec, KEY)), kept)
    assert receiver.counts["source"] >= 2
    # Without its first report the second SSRC is a stranger for four packets.
    missing = 160 * 4 * lost_reports
    assert heard(receiver)[1].sum() >= heard(whole)[1].sum() - missing
    begin, other = (round(r.clock.place_at(BEGUN_S + 0.1)) for r in (receiver, whole))
    got, there = receiver.read(begin, 2 * 8000)
    wanted, _ = whole.read(other, 2 * 8000)
    np.testing.assert_array_equal(got[there], wanted[there])


@pytest.mark.parametrize("codec", ["opus", "g722"])
def test_what_was_reordered_or_recovered_decodes_as_if_it_had_not(codec):
    """Both predict from what they decoded last: out of order they would stutter."""
    audio, fec = programme(6), FecProfile(30, 15, 20)
    packets, form = sent(audio, codec, fec=fec), form_of(CODECS[codec], fec)
    network = Network(loss=0.05, burst=3, jitter_s=0.01, seed=4)
    shaken = fed(RtpReceiver(form), network.arrivals(packets))
    whole = fed(RtpReceiver(form), Network().arrivals(packets))
    assert shaken.counts["recovered"] > 5
    rate = whole.rate_hz
    begin, other = (round(r.clock.place_at(BEGUN_S + 1)) for r in (whole, shaken))
    wanted, _ = whole.read(begin, 3 * rate)
    got, there = shaken.read(other, 3 * rate)
    assert there.mean() > 0.99
    # 16 bits' worth: what differs is the decoder's own arithmetic, not the order.
    error = np.sum((got - wanted)[there] ** 2) / np.sum(wanted[there] ** 2)
    assert 10 * np.log10(error + 1e-20) < -60


@pytest.mark.parametrize("wrong_s", [3600.0, -3600.0, -1.8e9])
def test_a_sender_whose_clock_is_wrong_is_heard_by_its_arrivals(audio, wrong_s):
    packets = sent(audio, "pcmu", begun_s=BEGUN_S + wrong_s)
    receiver = RtpReceiver(form_of(CODEC))
    for at, control, data in packets:
        at_s = at - wrong_s
        receiver.control(data, at_s) if control else receiver.datagram(data, at_s)
    assert receiver.counts["rtcp.clock"] >= 1
    assert not receiver.clock.certain
    assert receiver.clock.place_at(BEGUN_S + 1.0) == pytest.approx(8000, abs=200)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, -1.8e9])
def test_our_own_clock_may_be_set_in_mid_stream(audio, step_s):
    """Reports of the present look absurd then; the arrivals stand in within five packets."""
    packets = sent(audio, "pcmu")
    receiver = RtpReceiver(form_of(CODEC))
    for at, control, data in packets:
        at_s = at + (step_s if at > BEGUN_S + 1.5 else 0.0)
        receiver.control(data, at_s) if control else receiver.datagram(data, at_s)
    place = receiver.clock.place_at(BEGUN_S + step_s + 2.5)
    assert place == pytest.approx(2.5 * 8000, abs=200)


@pytest.mark.parametrize("key", [None, KEY])
def test_a_sender_that_goes_mad_is_counted_and_fills_nothing(key):
    """Any number, time, type and source, from whoever has the key."""
    rng = random.Random(6)
    receiver = RtpReceiver(form_of(CODEC, FecProfile(10, 5, 5), key))
    player, heard = Player(receiver, 0.4), []
    seal = None if key is None else sealer(key)
    for n in range(3000):
        packet = RtpPacket(
            rng.choice((0, 0, 0, 100, 8)),
            rng.choice((n, rng.randrange(1 << 16))) % (1 << 16),
            rng.choice((160 * n, rng.randrange(1 << 32))),
            rng.choice((7, 7, rng.randrange(1 << 32))),
            rng.randbytes(rng.randrange(400)),
        ).pack()
        moment_s = BEGUN_S + rng.choice((0.02 * n, rng.uniform(-1e10, 1e10)))
        try:
            data = packet if seal is None else seal.protect(packet)
        except pylibsrtp.Error:  # libsrtp does not send one index twice
            continue
        receiver.datagram(data, moment_s)
        if n % 50 == 0:
            report = SenderReport(7, rng.randrange(1 << 64), rng.randrange(1 << 32), 1, 1).pack()
            data = report if seal is None else seal.protect_rtcp(report)
            receiver.control(data, moment_s)
        heard.append(player.render(960, moment_s))
    assert sum(receiver.counts.values()) > 2000
    assert len(receiver._queue) <= 2048
    assert len(receiver.reports._said) <= 8
    assert np.max(np.abs(heard)) <= 1.0
    # When it has come to its senses it is heard again.
    calm = sent(programme(4, seed=5), "pcmu", FecProfile(10, 5, 5), key, seed=77)
    again = []
    for at, control, data in calm:
        fed(receiver, [(at + 100, control, data)])
        again.append(player.render(960, at + 100))
    assert np.std(again[-60:-20]) > 0.03


def test_sequence_numbers_wrap_in_mid_stream(audio):
    packets = sent(audio, "pcmu")
    base = parse(next(data for _, control, data in packets if not control)).sequence
    shift = 65_536 - base - 60
    receiver, straight = RtpReceiver(form_of(CODEC)), fed(RtpReceiver(form_of(CODEC)), packets)
    for at, control, data in packets:
        if control:
            receiver.control(data, at)
            continue
        sequence = (int.from_bytes(data[2:4]) + shift) % 65_536
        receiver.datagram(data[:2] + sequence.to_bytes(2) + data[4:], at)
    np.testing.assert_array_equal(heard(receiver)[0], heard(straight)[0])
    assert receiver.counts["media"] == straight.counts["media"]
    assert receiver.source.lost == 0


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
