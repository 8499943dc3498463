"""Every parser of the wire under fire: what comes back is whole, or refused by its own error.

A thousand of each in every run, a hundred thousand in `make long`. Bent are seeds that are right:
bytes changed, set to their extremes, cut out, doubled, two seeds spliced.
"""

from __future__ import annotations

import random
import string

import pytest

from dsp.packet import rtcp, rtp, sdp, srtp
from dsp.packet.errors import RemoteFormatError
from dsp.packet.fec_frame import MAX_UNIT_BYTES, FecDecoder, FecEncoder

RUN, LONG = 1_000, 100_000
EXTREMES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def bent(seeds, rng):
    """Return a seed, bent once to six times."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 7)):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.choice(EXTREMES)
        elif kind == 2:
            data[at : at + rng.randrange(9)] = b""
        elif kind == 3:
            data[at:at] = data[at : at + rng.randrange(40)]
        elif kind == 4:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other)) :]
        else:
            data[at:at] = rng.randbytes(rng.randrange(9))
    return bytes(data)


def fire(seeds, take, count, seed):
    """Return how many were taken; whatever else than `RemoteFormatError` is raised fails."""
    rng, taken, kinds = random.Random(seed), 0, set()
    for _ in range(count):
        try:
            take(bent(seeds, rng))
        except RemoteFormatError as error:
            kinds.add(error.kind)
        else:
            taken += 1
    assert all(kind.count(".") == 1 for kind in kinds)
    return taken


def rtp_seeds():
    plain = rtp.RtpPacket(96, 7, 8, 9, bytes(range(60)))
    return [
        plain.pack(),
        rtp.RtpPacket(0, 65_535, 2**32 - 1, 1, b"x" * 160, marker=True).pack(),
        rtp.RtpPacket(9, 7, 8, 9, bytes(40), contributing=(1, 2), extension=(1, bytes(8))).pack(),
        bytes([plain.pack()[0] | 0x20]) + plain.pack()[1:] + b"\0\0\0\4",
    ]


def take_rtp(data):
    packet = rtp.parse(data)
    assert rtp.parse(packet.pack()) == packet
    assert len(packet.payload) + rtp.HEADER_BYTES <= len(data)


def rtcp_seeds():
    block = rtcp.ReceptionBlock(7, 30, -5, 900, 80, 5, 6)
    sender = rtcp.SenderReport(7, 1 << 62, 5, 6, 7, (block,)).pack()
    names = rtcp.SourceNames({7: "loa", 8: "xã-1"}).pack()
    goodbye = rtcp.Goodbye((7, 8)).pack()
    receiver = rtcp.ReceiverReport(9, (block, block)).pack()
    return [sender + names, receiver + names, sender + names + goodbye, receiver + goodbye]


def take_rtcp(data):
    for report in rtcp.parse_compound(data):
        assert len(report.pack()) <= len(data) + 4 * 31 + 255


def sdp_seeds():
    attributes = (("fec-repair-flow", "encoding-id=8; ss-fssi=m:8; payload-type=100"),)
    crypto = (srtp.crypto_line(bytes(range(30))),)
    first = sdp.AudioSession(
        "239.255.12.42", 5004, 96, "opus", 48_000, 2, ttl=4, crypto=crypto, attributes=attributes
    )
    second = sdp.AudioSession("::1", 5008, 9, "G722", 8_000, packet_ms=1.0, source_address="::1")
    return [first.describe().encode(), second.describe().encode()]


def take_sdp(data):
    session = sdp.parse_session(data)
    assert 1 <= session.port <= 65_535
    assert 0 < session.clock_hz <= 384_000
    for line in session.crypto[:1]:
        srtp.key_of_line(line)


def take_crypto(data):
    key = srtp.key_of_line(data.decode("latin-1"))
    assert len(key) in srtp.KEY_BYTES


def crypto_seeds():
    return [srtp.crypto_line(bytes(range(n))).encode() for n in srtp.KEY_BYTES]


PARSERS = {
    "rtp": (rtp_seeds, take_rtp),
    "rtcp": (rtcp_seeds, take_rtcp),
    "sdp": (sdp_seeds, take_sdp),
    "crypto": (crypto_seeds, take_crypto),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_thousand_of_each(name):
    seeds, take = PARSERS[name]
    assert 0 < fire(seeds(), take, RUN, seed=1) < RUN


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_a_hundred_thousand_of_each(name):
    seeds, take = PARSERS[name]
    assert 0 < fire(seeds(), take, LONG, seed=2) < LONG


def fire_at_fec(count, seed):
    """Bend source and repair payloads of one stream; what is given back must be of it, or short."""
    rng, encoder, seeds = random.Random(seed), FecEncoder(6, 3), []
    for number in range(24):
        source, repairs = encoder.add(bytes([number]) + rng.randbytes(rng.randrange(60)))
        seeds += [source, *repairs]
    decoder = FecDecoder()

    def take(data):
        if rng.random() < 0.5:
            units = decoder.add_repair(data)
        else:
            unit, units = decoder.add_source(data)
            assert len(unit) < len(data)
        assert all(len(unit) <= MAX_UNIT_BYTES for unit in units)
        assert len(decoder._blocks) <= 8

    return fire(seeds, take, count, seed)


def test_a_thousand_of_fec():
    assert fire_at_fec(RUN, 3) > 0


@pytest.mark.long
def test_a_hundred_thousand_of_fec():
    assert fire_at_fec(LONG, 4) > 0


def test_pure_rubbish():
    rng = random.Random(5)
    letters = string.printable.encode()
    for _ in range(RUN):
        data = bytes(rng.choices(letters, k=rng.randrange(80)))
        for take in (take_rtp, take_rtcp, take_sdp, take_crypto):
            try:
                take(data if take is not take_rtp else rng.randbytes(len(data)))
            except RemoteFormatError:
                continue
