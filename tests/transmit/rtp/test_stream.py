"""A stream's datagrams: order and times, FEC that repairs, SRTP that hides and authenticates."""

from __future__ import annotations

import itertools
import random

import pylibsrtp
import pytest

from dsp.packet import rtcp, rtp
from dsp.packet.fec_frame import FecDecoder
from transmit.rtp import stream as stream_module
from transmit.rtp.payloads import CODECS, MAX_PAYLOAD_BYTES, Payload
from transmit.rtp.stream import (
    EMERGENCY_FEC,
    NORMAL_FEC,
    REPAIR_PAYLOAD_TYPE,
    FecProfile,
    Kind,
    RtpStream,
)

KEY = bytes(range(30))
CODEC = CODECS["pcmu"]


def bits(seed=1):
    rng = random.Random(seed)
    return rng.getrandbits


def payloads(count, seed=2):
    rng = random.Random(seed)
    return [Payload(rng.randbytes(160), 160 * n, 160) for n in range(count)]


def sent(stream, items):
    datagrams = [datagram for item in items for datagram in stream.send(item)]
    end = items[-1].ticks + items[-1].duration
    return datagrams + stream.finish(end)


def test_plain_packets_are_rtp_in_order():
    stream = RtpStream(CODEC, random_bits=bits())
    items = payloads(50)
    datagrams = sent(stream, items)
    packets = [rtp.parse(d.data) for d in datagrams if d.kind is Kind.MEDIA]
    assert [p.payload for p in packets] == [i.data for i in items]
    assert [p.marker for p in packets] == [True] + [False] * 49
    assert {p.ssrc for p in packets} == {stream.ssrc}
    assert [(p.sequence - packets[0].sequence) % 65_536 for p in packets] == list(range(50))
    assert [(p.timestamp - packets[0].timestamp) % 2**32 for p in packets] == [
        160 * n for n in range(50)
    ]
    assert [d.due_ticks for d in datagrams[:-1]] == [160.0 * (n + 1) for n in range(50)]
    assert rtcp.parse_compound(datagrams[-1].data)[-1] == rtcp.Goodbye((stream.ssrc,))


def test_repairs_are_spread_and_repair():
    profile = FecProfile(source=10, repair=5, spread=8)
    stream = RtpStream(CODEC, fec=profile, random_bits=bits())
    items = payloads(40)
    datagrams = sent(stream, items)
    due = [d.due_ticks for d in datagrams]
    assert due == sorted(due)
    repairs = [d for d in datagrams if d.kind is Kind.REPAIR]
    assert len(repairs) == 20
    first_block = [d.due_ticks / 160 for d in repairs[:5]]
    assert min(first_block) > 10
    assert max(first_block) < 18
    assert {rtp.parse(d.data).payload_type for d in repairs} == {REPAIR_PAYLOAD_TYPE}
    decoder, heard = FecDecoder(), set()
    rng = random.Random(4)
    for datagram in datagrams[:-1]:
        packet = rtp.parse(datagram.data)
        if rng.random() < 0.15:
            continue
        if datagram.kind is Kind.REPAIR:
            units = decoder.add_repair(packet.payload)
        else:
            unit, units = decoder.add_source(datagram.data)
            heard.add(rtp.parse(unit).payload)
        heard |= {rtp.parse(unit).payload for unit in units}
    assert decoder.recovered > 3
    assert len(heard) >= 39


def test_srtp_hides_authenticates_and_refuses_replays():
    stream = RtpStream(CODEC, fec=FecProfile(4, 2, 2), key=KEY, random_bits=bits())
    datagrams = sent(stream, payloads(8))
    report = stream.report(rtcp.ntp_from_unix(10**18), 1280)
    policy = pylibsrtp.Policy(KEY, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    session = pylibsrtp.Session(policy)
    media = [d for d in datagrams if d.kind is not Kind.CONTROL]
    for item, datagram in zip(payloads(4), media, strict=False):
        assert item.data not in datagram.data
        opened = rtp.parse(session.unprotect(datagram.data))
        assert opened.payload[:160] == item.data
        with pytest.raises(pylibsrtp.Error, match="replay"):
            session.unprotect(datagram.data)
    forged = bytearray(media[4].data)
    forged[-1] ^= 1
    with pytest.raises(pylibsrtp.Error, match="authentication"):
        session.unprotect(bytes(forged))
    opened_report = rtcp.parse_compound(session.unprotect_rtcp(report.data))
    assert opened_report[0].ntp == rtcp.ntp_from_unix(10**18)


def test_a_report_ties_timestamps_to_the_clock():
    stream = RtpStream(CODEC, random_bits=bits(), name="xã-1")
    datagrams = stream.send(payloads(1)[0])
    base = rtp.parse(datagrams[0].data).timestamp
    sender, names = rtcp.parse_compound(stream.report(77 << 32, 4000.0).data)
    assert (sender.ntp, (sender.rtp_timestamp - base) % 2**32) == (77 << 32, 4000)
    assert (sender.packets, sender.octets) == (1, 160)
    assert names.names == {stream.ssrc: "xã-1"}


@pytest.mark.parametrize("fec", [None, FecProfile(7, 3, 4)])
def test_no_source_lives_through_a_wrap(fec, monkeypatch):
    monkeypatch.setattr(stream_module, "MAX_PACKETS_PER_SSRC", 100)
    stream = RtpStream(CODEC, fec=fec, key=KEY, random_bits=bits())
    seen = []
    late = pylibsrtp.Session(pylibsrtp.Policy(KEY, pylibsrtp.Policy.SSRC_ANY_INBOUND))
    for item in payloads(450):
        if stream.renew_source_if_due():
            seen.append(item.ticks)
            assert stream.needs_report
        for datagram in stream.send(item):
            late.unprotect(datagram.data)
    assert len(seen) == 4
    assert all(a < b for a, b in itertools.pairwise(seen))


def test_the_profiles_are_within_their_overhead_and_delay():
    for profile, share, delay_s in ((NORMAL_FEC, 0.5, 1.0), (EMERGENCY_FEC, 1.0, 1.5)):
        assert profile.repair <= share * profile.source
        assert 0.02 * (profile.source + profile.spread) <= delay_s


def test_a_key_of_another_length():
    with pytest.raises(ValueError, match="30"):
        RtpStream(CODEC, key=b"short")


@pytest.mark.parametrize("key_bytes", [30, 28, 44])
def test_the_longest_packets_fit_with_fec_and_srtp(key_bytes):
    stream = RtpStream(CODECS["l16"], fec=FecProfile(2, 2, 2), key=bytes(key_bytes))
    longest = [Payload(bytes(MAX_PAYLOAD_BYTES), 480 * n, 480) for n in range(8)]
    datagrams = sent(stream, longest)
    assert {datagram.kind for datagram in datagrams} == set(Kind)
    assert max(len(datagram.data) for datagram in datagrams) <= 1_400
