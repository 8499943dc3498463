"""FECFRAME: known bytes, losses of every kind, hostile packets, bounded memory."""

from __future__ import annotations

import random

import pytest

from dsp.packet.errors import RemoteFormatError
from dsp.packet.fec_frame import FecDecoder, FecEncoder, PayloadId, parse_id


def sent(units, source=6, repair=3):
    """Return [(is_repair, payload)] in the order of sending."""
    encoder = FecEncoder(source, repair)
    packets = []
    for unit in units:
        data, repairs = encoder.add(unit)
        packets.append((False, data))
        packets += [(True, payload) for payload in repairs]
    return packets + [(True, payload) for payload in encoder.flush()]


def heard(packets, decoder=None):
    decoder = decoder or FecDecoder()
    units = []
    for is_repair, data in packets:
        if is_repair:
            units += decoder.add_repair(data)
        else:
            unit, recovered = decoder.add_source(data)
            units += [unit, *recovered]
    return units


def units_of(count, seed=1):
    rng = random.Random(seed)
    return [bytes([n]) + rng.randbytes(rng.randrange(60)) for n in range(count)]


def test_golden_ids():
    # RFC 6865 clause 5.1.2: block of 24 bits, symbol of 8, k of 16.
    assert PayloadId(0x123456, 0x78, 30).pack().hex() == "12345678001e"
    assert parse_id(bytes.fromhex("12345678001e")) == PayloadId(0x123456, 0x78, 30)


def test_a_single_unit_repaired_once_is_repeated():
    # k = 1: the polynomial is constant, so the repair symbol is the information unit itself.
    (_, source), (_, repair) = sent([b"abc"], 1, 1)
    assert source == b"abc" + bytes.fromhex("000000 00 0001")
    assert repair == bytes.fromhex("000000 01 0001") + b"\x00\x00\x03abc"


def test_three_of_nine_may_be_lost_wherever_they_are():
    units = units_of(30)
    rng = random.Random(2)
    packets = sent(units)
    for _ in range(40):
        kept = []
        for block in range(5):
            nine = packets[9 * block : 9 * block + 9]
            lost = set(rng.sample(range(9), 3))
            kept += [packet for index, packet in enumerate(nine) if index not in lost]
        rng.shuffle(kept)
        assert sorted(heard(kept)) == sorted(units)


def test_four_of_nine_are_too_many():
    units = units_of(6)
    packets = sent(units)
    assert sorted(heard(packets[2:-2])) == sorted(units[2:])


def test_a_short_last_block_is_protected_too():
    units = units_of(8)
    packets = sent(units)
    assert [is_repair for is_repair, _ in packets[9:]] == [False, False, True]
    assert sorted(heard(packets[:9] + packets[10:])) == sorted(units)


def test_doubled_packets_give_nothing_twice_from_repairs():
    units = units_of(6)
    packets = sent(units)
    kept = packets[1:]
    decoder = FecDecoder()
    assert heard(kept, decoder).count(units[0]) == 1
    assert decoder.add_repair(packets[-1][1]) == []
    assert decoder.recovered == 1


def test_old_blocks_are_forgotten():
    units = units_of(120)
    packets = sent(units)
    decoder = FecDecoder(blocks=3)
    heard(packets[9:], decoder)
    assert len(decoder._blocks) == 3
    assert decoder.add_repair(packets[8][1]) == []
    assert len(decoder._blocks) == 3


def test_block_numbers_wrap():
    encoder = FecEncoder(1, 1)
    encoder._block = (1 << 24) - 1
    decoder = FecDecoder(blocks=2)
    for unit in (b"a", b"b", b"c"):
        _, repairs = encoder.add(unit)
        assert decoder.add_repair(repairs[0]) == [unit]


@pytest.mark.parametrize(
    ("data", "repair", "kind"),
    [
        (b"abc", False, "fec.short"),
        (b"abc", True, "fec.short"),
        (b"xx" + PayloadId(1, 0, 1).pack()[:4] + b"\0\0", False, "fec.source"),
        (b"xx" + PayloadId(1, 6, 6).pack(), False, "fec.symbol"),
        (PayloadId(1, 3, 6).pack() + b"longenough", True, "fec.symbol"),
        (PayloadId(1, 6, 6).pack() + b"x", True, "fec.symbol"),
    ],
)
def test_lies_have_names(data, repair, kind):
    decoder = FecDecoder()
    with pytest.raises(RemoteFormatError) as caught:
        (decoder.add_repair if repair else decoder.add_source)(data)
    assert caught.value.kind == kind


def test_repairs_that_disagree_are_refused():
    packets = sent(units_of(6))
    decoder = FecDecoder()
    decoder.add_repair(packets[6][1])
    with pytest.raises(RemoteFormatError, match=r"fec\.block"):
        decoder.add_repair(packets[7][1] + b"x")
    other = PayloadId(0, 8, 5).pack() + packets[8][1][6:]
    with pytest.raises(RemoteFormatError, match=r"fec\.block"):
        decoder.add_repair(other)


def test_a_thousand_mutations_are_taken_or_refused_and_invent_no_long_unit():
    rng = random.Random(9)
    packets = sent(units_of(60))
    longest = max(len(data) for _, data in packets)
    decoder = FecDecoder()
    refused = 0
    for _ in range(1000):
        is_repair, data = rng.choice(packets)
        data = bytearray(data)
        for _ in range(rng.randrange(3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            units = heard([(is_repair, bytes(data))], decoder)
        except RemoteFormatError:
            refused += 1
        else:
            assert all(len(unit) <= longest for unit in units)
    assert refused > 20
    assert decoder.refused > 0


def test_our_own_mistakes_are_value_errors():
    with pytest.raises(ValueError, match="255"):
        FecEncoder(200, 56)
    with pytest.raises(ValueError, match="9000"):
        FecEncoder(2, 1).add(bytes(9_001))
    with pytest.raises(ValueError, match="blocks"):
        FecDecoder(0)
