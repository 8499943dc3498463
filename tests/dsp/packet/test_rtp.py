"""RTP packets: known bytes, every length cut, and nothing believed."""

from __future__ import annotations

import random

import pytest

from dsp.packet.errors import RemoteFormatError
from dsp.packet.rtp import RtpPacket, parse

# Written out by hand from the figure in RFC 3550 clause 5.1.
GOLDEN = bytes.fromhex("80 e0 ff fe 00 00 03 c0 de e0 ee 8f 01 02 03".replace(" ", ""))
PACKET = RtpPacket(96, 0xFFFE, 960, 0xDEE0EE8F, b"\x01\x02\x03", marker=True)


def test_golden_both_ways():
    assert PACKET.pack() == GOLDEN
    assert parse(GOLDEN) == PACKET


def test_sources_extension_and_padding():
    packet = RtpPacket(
        9, 1, 2, 3, b"abc", contributing=(7, 8), extension=(0xBEDE, b"\x10\x9f\x00\x00")
    )
    data = packet.pack()
    assert parse(data) == packet
    padded = bytes([data[0] | 0x20]) + data[1:] + b"\x00\x00\x03"
    assert parse(padded) == packet


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda d: d[:11], "rtp.short"),
        (lambda d: d[:0], "rtp.short"),
        (lambda d: b"\x40" + d[1:], "rtp.version"),
        (lambda d: b"\x8f" + d[1:], "rtp.short"),
        (lambda d: d[:1] + b"\x48" + d[2:], "rtp.payload_type"),
        (lambda d: b"\x90" + d[1:], "rtp.extension"),
        (lambda d: b"\x90" + d[1:12] + b"\xbe\xde\xff\xff", "rtp.extension"),
        (lambda d: b"\xa0" + d[1:] + b"\x00", "rtp.padding"),
        (lambda d: b"\xa0" + d[1:] + b"\xff", "rtp.padding"),
        (lambda d: b"\xa0" + d[1:12], "rtp.padding"),
        (lambda d: d + b"\0" * 65_500, "rtp.long"),
    ],
)
def test_lies_have_names(change, kind):
    with pytest.raises(RemoteFormatError) as caught:
        parse(change(GOLDEN))
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_type": 72},
        {"payload_type": 128},
        {"sequence": 65_536},
        {"timestamp": -1},
        {"contributing": tuple(range(16))},
        {"extension": (1, b"abc")},
    ],
)
def test_our_own_mistakes_are_value_errors(wrong):
    fields = {"payload_type": 96, "sequence": 1, "timestamp": 2, "ssrc": 3, "payload": b""}
    with pytest.raises(ValueError, match="expected"):
        RtpPacket(**(fields | wrong)).pack()


def test_a_thousand_mutations_parse_or_are_refused():
    rng = random.Random(5)
    base = RtpPacket(96, 7, 8, 9, bytes(40), contributing=(1,), extension=(1, bytes(8))).pack()
    refused = 0
    for _ in range(1000):
        data = bytearray(base[: rng.randrange(len(base) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            packet = parse(data)
        except RemoteFormatError:
            refused += 1
        else:
            assert parse(packet.pack()) == packet
            assert len(packet.payload) <= len(data) - 12
    assert 100 < refused < 900
