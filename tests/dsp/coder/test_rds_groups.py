"""Groups against known words, bit fields of IEC 62106 worked out by hand, and hostile values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.coder.rds_blocks import BLOCK_BITS, Group, encode_group, parse_group
from dsp.coder.rds_data_groups import (
    OtherNetwork,
    RtPlusTag,
    announcement,
    enhanced_radiotext,
    free_format,
    other_network,
    rt_plus,
    transparent_data,
)
from dsp.coder.rds_groups import (
    Header,
    Tuning,
    af_words,
    clock_time,
    country,
    item_number,
    language,
    programme_type_name,
    radiotext,
    tuning_a,
    tuning_b,
)
from dsp.errors import Refusal
from tests.naive.rds_decoder import naive_radiotexts

STATION = Header(0x7001, pty=1)
PS = b"TRAVINH "


def coded(group):
    """The four 26-bit words of a group in hexadecimal."""
    bits = encode_group(group)
    mask = (1 << BLOCK_BITS) - 1
    return " ".join(f"{bits >> shift & mask:07X}" for shift in (78, 52, 26, 0))


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        (0, "1C00706 000A05C 38335E9 1514BD2"),
        (1, "1C00706 000A5E5 38335E9 1055828"),
        (2, "1C00706 000AB2E 38335E9 1253BCD"),
        (3, "1C00706 000AE97 38335E9 12082CD"),
    ],
)
def test_name_without_alternative_frequencies(segment, words):
    group = tuning_a(STATION, Tuning(), PS, segment, af_words(())[0])
    assert coded(group) == words


def test_known_words_of_the_other_groups():
    (text,) = radiotext(STATION, b"XIN ", 0, version_b=False)[:1]
    assert text == parse_group("7001 2020 5849 4E20")
    assert coded(text) == "1C00706 08080F0 1612550 1388005"
    assert coded(country(STATION, 0xF2)) == "1C00706 0408054 003CB3B 00001B4"
    name = tuning_b(STATION, Tuning(), PS, 0)
    assert name.hex() == "7001082870015452"
    assert coded(name) == "1C00706 020A305 1C004AA 1514BD2"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=7))])
def test_clock_time(zone):
    when = datetime(2022, 5, 16, 0, 30, tzinfo=UTC).astimezone(zone)
    group = clock_time(STATION, when, 14)
    assert group.hex() == "70014021D286078E"
    assert coded(group) == "1C00706 1008401 34A190A 01E38E2"


def test_clock_time_west_of_greenwich():
    group = clock_time(STATION, datetime(2022, 5, 16, 23, 59, tzinfo=UTC), -7)
    assert group.d & 0x3F == 0b100111
    assert group.d >> 6 & 0x3F == 59
    assert (group.c & 1) << 4 | group.d >> 12 == 23


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - given a zone below
def test_any_day_comes_back_by_the_formula_of_annex_g(when):
    when = when.replace(tzinfo=UTC)
    group = clock_time(STATION, when, 14)
    day = (group.b & 3) << 15 | group.c >> 1
    assert datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=day) == when.replace(
        hour=0, minute=0, second=0, microsecond=0
    )


@pytest.mark.parametrize("year", [1800, 2300])
def test_a_day_that_cannot_be_said_is_refused(year):
    with pytest.raises(Refusal, match=r"rds\.ct"):
        clock_time(STATION, datetime(year, 1, 1, tzinfo=UTC), 0)


def test_switches_and_identification():
    tuning = Tuning(ta=True, ms=False, di=0b0101)
    lows = [tuning_a(Header(1, 31, tp=True), tuning, PS, i, 0).b for i in range(4)]
    # TP 1, PTY 31; TA 1, M/S 0, then d3 d2 d1 d0 with segments 0 1 2 3.
    assert [f"{low:016b}" for low in lows] == [
        "0000011111110000",
        "0000011111110101",
        "0000011111110010",
        "0000011111110111",
    ]


def test_alternative_frequencies():
    assert af_words(()) == (0xE0CD,)
    assert af_words((87_600_000,)) == (0xE101,)
    assert af_words((87_600_000, 107_900_000)) == (0xE201, 0xCCCD)
    assert af_words((88_000_000, 98_000_000, 107_900_000)) == (0xE305, 0x69CC)
    assert len(af_words(tuple(range(87_600_000, 90_100_000, 100_000)))) == 13


@pytest.mark.parametrize("hz", [54_000_000, 68_000_000, 87_500_000, 108_000_000, 98_050_000])
def test_a_frequency_without_code_is_refused(hz):
    with pytest.raises(Refusal, match="54 to 68 MHz"):
        af_words((hz,))


def test_too_many_alternatives_are_refused():
    with pytest.raises(Refusal, match="at most 25"):
        af_words(tuple(range(87_600_000, 90_200_000, 100_000)))


@given(st.binary(min_size=1, max_size=64).map(lambda b: bytes(0x20 + c % 0x5F for c in b)))
def test_any_radiotext_comes_back(text):
    groups = radiotext(STATION, text, 1, version_b=False)
    assert len(groups) == min(len(text) // 4 + 1, 16)
    decoded = naive_radiotexts(groups)
    assert [d.translate({0xA4: 0x24, 0x2015: 0x5E, 0x2016: 0x60, 0xAF: 0x7E}) for d in decoded] == [
        text.decode()
    ]
    assert all(group.b & 0x10 for group in groups)
    if len(text) <= 32:
        assert naive_radiotexts(radiotext(STATION, text, 0, version_b=True)) == decoded


def test_radiotext_ends_with_a_carriage_return_unless_it_is_full():
    assert radiotext(STATION, b"ABC", 0, version_b=False)[0][2:] == (0x4142, 0x430D)
    (first, second) = radiotext(STATION, b"ABCD", 0, version_b=False)
    assert second[2:] == (0x0D20, 0x2020)
    assert first.b & 0xF == 0
    assert len(radiotext(STATION, b"A" * 64, 0, version_b=False)) == 16
    assert radiotext(STATION, b"AB", 1, version_b=True)[1] == Group(0x7001, 0x2831, 0x7001, 0x0D20)


def test_labels_and_item_number():
    assert language(STATION, 0x46).c == 0x3046
    assert item_number(31, 23, 59) == 0b11111_10111_111011
    assert country(STATION, 0xF2, item_number(1, 5, 0)).d == 0b00001_00101_000000


def test_programme_type_name():
    first, second = programme_type_name(STATION, b"BAN TIN ", 1)
    assert (first.kind, first.b & 0x1F, second.b & 0x1F) == ("10A", 0x10, 0x11)
    assert first[2:] + second[2:] == (0x4241, 0x4E20, 0x5449, 0x4E20)


def test_applications():
    assert announcement(STATION, 11, 0x4BD7).hex() == "7001303600004BD7"
    assert free_format(STATION, 6, 0x1F, 0x1234, 0xABCD).hex() == "7001603F1234ABCD"
    first, second = transparent_data(STATION, 5, b"HELLO")
    assert (first.hex(), second.hex()) == ("7001502548454C4C", "700150254F000000")


def test_radiotext_plus():
    # 37 bits by hand: toggle 1, running 1, type 33, start 5, length 12 - 1, type 31, 20, 8 - 1.
    group = rt_plus(STATION, (RtPlusTag(33, 5, 12), RtPlusTag(31, 20, 8)), 1)
    free = (group.b & 0x1F) << 32 | group.c << 16 | group.d
    assert f"{free:037b}" == "1110000100010100101101111101010000111"
    other = rt_plus(STATION, (RtPlusTag(1, 0, 1), RtPlusTag(33, 1, 1)), 0)
    assert ((other.c & 1) << 5 | other.d >> 11) == 33
    one = rt_plus(STATION, (RtPlusTag(33, 0, 64),), 0, running=False)
    free = (one.b & 0x1F) << 32 | one.c << 16 | one.d
    assert f"{free:037b}" == "0010000100000011111100000000000000000"
    assert group.kind == "11A"


def test_enhanced_radiotext_in_khmer():
    text = "ខេត្តត្រាវិញ"
    groups = enhanced_radiotext(STATION, text)
    data = b"".join(c.to_bytes(2, "big") + d.to_bytes(2, "big") for _, _, c, d in groups)
    assert data.split(b"\r")[0].decode() == text
    assert [group.b & 0x1F for group in groups] == list(range(len(groups)))
    assert len(enhanced_radiotext(STATION, "x" * 128)) == 32


def test_other_networks():
    other = OtherNetwork(0x7002, pty=1, tp=True, ta=True, mapped_hz=((87_600_000, 107_900_000),))
    groups = other_network(STATION, other, b"CAUKE   ")
    assert [group.b & 0x1F for group in groups] == [0x10, 0x11, 0x12, 0x13, 0x15, 0x1D]
    assert [group.c for group in groups] == [0x4341, 0x554B, 0x4520, 0x2020, 0x01CC, 0x0801]
    assert all(group.d == 0x7002 and group.kind == "14A" for group in groups)
