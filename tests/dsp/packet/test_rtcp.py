"""RTCP: known bytes, compounds, NTP time, and hostile input."""

from __future__ import annotations

import random

import pytest

from dsp.packet.errors import RemoteFormatError
from dsp.packet.rtcp import (
    Goodbye,
    ReceiverReport,
    ReceptionBlock,
    SenderReport,
    SourceNames,
    middle_bits,
    ntp_from_unix,
    parse_compound,
    unix_from_ntp,
)

BLOCK = ReceptionBlock(0x1234, 25, -3, 0x1_0005, 77, 0xAABBCCDD, 65_536)
SENDER = SenderReport(
    0xDEE0EE8F, ntp_from_unix(1_700_000_000_500_000_000), 960, 50, 8_000, (BLOCK,)
)


def test_golden_sender_report():
    # RFC 3550 clause 6.4.1, by hand: V=2 RC=1, 200, 12 words after the first.
    ntp_seconds = 1_700_000_000 + 2_208_988_800
    assert SENDER.pack().hex() == (
        "81c8000c"
        "dee0ee8f"
        f"{ntp_seconds:08x}80000000"
        "000003c0"
        "00000032"
        "00001f40"
        "00001234" + "19fffffd" + "00010005" + "0000004d" + "aabbccdd" + "00010000"
    )


def test_a_compound_comes_back():
    reports = [
        SENDER,
        ReceiverReport(5, (BLOCK, BLOCK)),
        SourceNames({0xDEE0EE8F: "loa@xã-Ấp-3", 7: "abc"}),
        Goodbye((0xDEE0EE8F, 9)),
    ]
    assert parse_compound(b"".join(report.pack() for report in reports)) == reports


def test_unknown_types_are_passed_over_and_padding_ends_it():
    unknown = bytes.fromhex("80cc0001 00000001")
    assert parse_compound(SENDER.pack() + unknown) == [SENDER]
    bye = bytearray(Goodbye((1,)).pack() + bytes([0, 0, 0, 4]))
    bye[0] |= 0x20
    bye[3] += 1
    assert parse_compound(SENDER.pack() + bytes(bye)) == [SENDER, Goodbye((1,))]


def test_ntp_time_is_exact_to_a_nanosecond():
    rng = random.Random(1)
    for _ in range(200):
        unix_ns = rng.randrange(0, 4 * 10**18)
        assert abs(unix_from_ntp(ntp_from_unix(unix_ns)) - unix_ns) <= 1
    assert ntp_from_unix(0) == 2_208_988_800 << 32
    assert middle_bits(0x1122_3344_5566_7788) == 0x3344_5566


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "rtcp.short"),
        (b"\x80\xc8", "rtcp.short"),
        (b"\x40\xc8\x00\x00", "rtcp.version"),
        (Goodbye((1,)).pack(), "rtcp.first"),
        (SENDER.pack()[:-4], "rtcp.length"),
        (b"\x81\xc9\x00\x01\x00\x00\x00\x05", "rtcp.body"),
        (b"\xa0\xc9\x00\x01\x00\x00\x00\x05", "rtcp.padding"),
    ],
)
def test_lies_have_names(data, kind):
    with pytest.raises(RemoteFormatError) as caught:
        parse_compound(data)
    assert caught.value.kind == kind


def test_a_thousand_mutations_parse_or_are_refused():
    rng = random.Random(6)
    base = SENDER.pack() + SourceNames({1: "a", 2: "bcd"}).pack() + Goodbye((1, 2)).pack()
    refused = 0
    for _ in range(1000):
        data = bytearray(base[: rng.randrange(len(base) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            parse_compound(bytes(data))
        except RemoteFormatError:
            refused += 1
    assert 100 < refused < 1000


def test_our_own_mistakes_are_value_errors():
    with pytest.raises(ValueError, match="31"):
        ReceiverReport(1, (BLOCK,) * 32).pack()
    with pytest.raises(ValueError, match="255"):
        SourceNames({1: "x" * 256}).pack()
