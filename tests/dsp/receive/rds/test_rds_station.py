"""Station state from groups: nothing unsure is shown, nothing is mixed, nothing crashes."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.receive.rds.alternatives import lf_mf_hz, vhf_hz
from dsp.receive.rds.clock import decode_clock
from dsp.receive.rds.group import RdsGroup, group_of_hex
from dsp.receive.rds.station import RdsStation

STEP = 25_223  # samples of a group: 104 bits


class Log:
    """Feeds groups one after the other, each a group later."""

    def __init__(self):
        self.station = RdsStation()
        self.sample = 0

    def take(self, *groups, corrected=(0, 0, 0, 0)):
        for text in groups:
            group = group_of_hex(text) if isinstance(text, str) else RdsGroup(text)
            self.sample += STEP
            marks = tuple(
                c if b is not None else -1 for c, b in zip(corrected, group.blocks, strict=True)
            )
            self.station.take(RdsGroup(group.blocks, marks, group.version_b, self.sample))
        return self

    def __getitem__(self, key):
        return self.station.state()[key]


def ps_groups(name, pi=0x7001, flags=0x08, af=0xE0CD):
    return [(pi, flags | k, af, ord(name[2 * k]) << 8 | ord(name[2 * k + 1])) for k in range(4)]


def rt_groups(text, flag=0, pi=0x7001):
    padded = text + "\r" if len(text) < 64 else text
    padded += " " * (-len(padded) % 4)
    return [
        (
            pi,
            0x2000 | flag << 4 | k,
            ord(padded[4 * k]) << 8 | ord(padded[4 * k + 1]),
            ord(padded[4 * k + 2]) << 8 | ord(padded[4 * k + 3]),
        )
        for k in range(len(padded) // 4)
    ]


def test_one_reception_confirms_nothing():
    log = Log().take("70010528E0CD5452")
    state = log.station.state()
    assert state["pi"] is state["ps"] is state["pty"] is state["tp"] is state["ta"] is None
    log.take("70010529E0CD4156")
    assert log["pi"] == "7001"
    assert log["pty"] == 9
    assert log["tp"] is True
    assert log["ta"] is False
    assert log["music"] is True


def test_corrected_blocks_need_three_receptions():
    log = Log().take("70010528E0CD5452", "70010528E0CD5452", corrected=(2, 2, 0, 0))
    assert log["pi"] is None
    assert log["pty"] is None
    log.take("70010528E0CD5452", corrected=(2, 2, 0, 0))
    assert log["pi"] == "7001"
    assert log["pty"] == 9


def test_ps_is_shown_when_every_segment_came_twice():
    groups = ps_groups("TRAVINH ")
    log = Log().take(*groups, *groups[:3])
    assert log["ps"] is None
    assert log["ps_receptions"] == [2, 2, 2, 1]
    assert log.take(groups[3])["ps"] == "TRAVINH "


def test_two_names_are_never_mixed():
    # A station that changes its name in the middle of a round, as real ones do.
    shown = set()
    log = Log()
    one, two = ps_groups("RadioZET"), ps_groups(" 22:00  ")
    for _ in range(6):
        for group in (*one * 4, one[0], *two[1:], *two * 4, *two[:3], one[3]):
            log.take(group)
            shown.add(log["ps"])
    assert shown == {None, "RadioZET", " 22:00  "}


def test_a_lost_group_between_makes_no_name_out_of_two():
    shown = set()
    log = Log()
    for name in ("ABCDEFGH", "abcdefgh"):
        groups = ps_groups(name)
        for group in (groups[0], groups[1], groups[0], groups[1], groups[3], groups[3]):
            log.take(group)
            shown.add(log["ps"])
    assert shown == {None}


def test_radiotext_with_end_mark():
    log = Log().take(*rt_groups("Phuong Tr\x81 Vinh"))
    assert log["rt"] == "Phuong Trà Vinh"


def test_radiotext_is_not_shown_in_parts():
    groups = rt_groups("Dai truyen thanh xa, tin tuc luc nam gio sang")
    log = Log()
    for group in groups[:-1]:
        assert log.take(group)["rt"] is None
    assert log.take(groups[-1])["rt"] == "Dai truyen thanh xa, tin tuc luc nam gio sang"
    assert log["rt_flag"] == 0


def test_radiotext_of_64_letters_has_no_end_mark():
    text = "".join(chr(65 + i % 26) for i in range(64))
    log = Log().take(*rt_groups(text))
    assert log["rt"] == text


def test_radiotext_without_end_mark_is_known_by_its_repetition():
    groups = rt_groups("SHORT TEXT 1")[:3]
    log = Log().take(*groups * 3)
    assert log["rt"] is None
    assert log.take(*groups)["rt"] == "SHORT TEXT 1"


def test_a_station_that_turns_the_flag_with_every_round_is_read():
    log = Log()
    for round_ in range(3):
        log.take(*rt_groups("The same text all the time", flag=round_ & 1))
    assert log["rt"] == "The same text all the time"


def test_a_wrong_flag_bit_does_not_lose_the_text():
    groups = rt_groups("A text of some length, twice")
    wrong = (groups[3][0], groups[3][1] ^ 0x10, *groups[3][2:])
    log = Log().take(*groups[:3], wrong, *groups[3:])
    assert log["rt"] == "A text of some length, twice"


def test_texts_of_two_flags_are_never_mixed():
    one, two = rt_groups("aaaaaaaaaaaaaaa"), rt_groups("bbbbbbbbbbbbbbb", flag=1)
    shown = set()
    log = Log()
    for cut in range(1, 4):
        for group in (*one[:cut], *two[cut:], *two, *one):
            log.take(group)
            shown.add(log["rt"])
    assert shown <= {None, "a" * 15, "b" * 15}


def test_radiotext_2b():
    text = "VERSION B, 32 LETTERS, PI TWICE."
    log = Log()
    for k in range(16):
        pair = ord(text[2 * k]) << 8 | ord(text[2 * k + 1])
        log.take((0x7001, 0x2800 | k, 0x7001, pair))
    assert log["rt"] == text


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        ("70014021D286078E", "2022-05-16T07:30:00+07:00"),  # facts.md 2.5
        ("23534541D7500182", "2024-01-19T01:06:00+01:00"),  # librdsparser
    ],
)
def test_clock_time(group, wanted):
    a, b, c, d = group_of_hex(group).blocks
    assert a is not None
    assert decode_clock(b, c, d, 0).iso() == wanted


def clock_group(when, half_hours=14, pi=0x7001):
    day = (when - datetime(1858, 11, 17, tzinfo=UTC)).days
    sign = 0x20 if half_hours < 0 else 0
    c = (day & 0x7FFF) << 1 | when.hour >> 4
    d = (when.hour & 15) << 12 | when.minute << 6 | sign | abs(half_hours)
    return pi, 0x4000 | day >> 15, c, d


def test_a_clock_that_was_corrected_is_not_believed():
    when = clock_group(datetime(2026, 11, 24, 5, 30, tzinfo=UTC))
    for place in range(4):
        marks = tuple(2 if i == place else 0 for i in range(4))
        assert Log().take(when, corrected=marks)["ct"] is None
    assert Log().take(when)["ct"] == "2026-11-24T12:30:00+07:00"
    assert Log().take((None, *when[1:]))["ct"] is None


@pytest.mark.parametrize(
    "blocks",
    [
        (0x4001, 0xD286, 0x1F << 12 | 0x7 << 6),  # hour 16 + 15
        (0x4001, 0xD286, 0x3C << 6),  # minute 60
        (0x4001, 0xD286, 0x1D),  # +14:30
        (0x4001, 0xD286, 0x20 | 0x19),  # -12:30
        (0x4000, 0x0002, 0),  # 1858
        (0x4003, 0xFFFE, 0),  # 2217
    ],
)
def test_times_that_cannot_be(blocks):
    b, c, d = blocks
    if d >> 12:
        c |= 1
    assert decode_clock(b, c, d, 0) is None


def test_a_second_time_must_agree_with_the_first():
    log = Log().take(clock_group(datetime(2026, 11, 24, 5, 30, tzinfo=UTC)))
    log.sample += 60 * 288_000 - STEP
    log.take(clock_group(datetime(2031, 1, 2, 3, 4, tzinfo=UTC)))
    assert log["ct"] == "2026-11-24T12:30:00+07:00"
    # A clock that was really set anew is believed with its next minute.
    log.sample += 60 * 288_000 - STEP
    log.take(clock_group(datetime(2031, 1, 2, 3, 5, tzinfo=UTC)))
    assert log["ct"] == "2031-01-02T10:05:00+07:00"


def test_zero_offset_is_written_with_z():
    log = Log().take(clock_group(datetime(2026, 11, 24, 5, 30, tzinfo=UTC), half_hours=0))
    assert log["ct"] == "2026-11-24T05:30:00Z"


def test_frequencies_of_method_a():
    # 5 frequencies: 89.4 90.3 | 93.1 94.8 | 95.1, a filler.
    pairs = [0xE513, 0x1C38, 0x494C, 0xE513, 0x1C38, 0x494C]
    log = Log().take(*[(0x7001, 0x0008, pair, 0x2020) for pair in pairs])
    assert log["af_hz"] == [89_400_000, 90_300_000, 93_100_000, 94_800_000, 95_100_000]
    assert log["af_method"] == "A"


def test_frequencies_of_method_b_with_a_regional_one():
    # Tuned 99.3 (0x76): 89.3 with 99.3 ascending, 99.3 with 101.8 ascending, 102.6 > 99.3.
    pairs = [0xE776, 0x1276, 0x768F, 0x9776] * 3
    log = Log().take(*[(0x7001, 0x0008, pair, 0x2020) for pair in pairs])
    assert log["af_method"] == "B"
    assert log["af_hz"] == [89_300_000, 99_300_000, 101_800_000, 102_600_000]
    assert log["af_regional_hz"] == [102_600_000]


def test_low_and_medium_frequencies_and_none():
    assert lf_mf_hz(1) == 153_000
    assert lf_mf_hz(15) == 279_000
    assert lf_mf_hz(16) == 531_000
    assert lf_mf_hz(135) == 1_602_000
    assert lf_mf_hz(136) is lf_mf_hz(0) is vhf_hz(205) is vhf_hz(0) is None
    assert vhf_hz(1) == 87_600_000
    assert vhf_hz(204) == 107_900_000
    log = Log().take(*[(0x7001, 0x0008, 0xFA0F, 0x2020)] * 2)
    assert log["af_hz"] == [279_000]
    assert Log().take(*[(0x7001, 0x0008, 0xE0CD, 0x2020)] * 4)["af_hz"] == []


def test_one_wrong_frequency_is_not_shown():
    pairs = [0xE513, 0x1C38, 0x494C, 0x5C38, 0xE513, 0x1C38, 0x494C]
    log = Log().take(*[(0x7001, 0x0008, pair, 0x2020) for pair in pairs])
    assert 0x5C * 100_000 + 87_500_000 not in log["af_hz"]


def test_slow_labels():
    log = Log().take(*["7001102000F20000", "7001102030460000", "700110207ABC0000"] * 2)
    assert log["ecc"] == "F2"
    assert log["country"] == "VN"
    assert log["language"] == 0x46
    assert log["ews_channel"] == 0xABC
    assert log["pin"] is None


def test_country_of_another_digit():
    assert Log().take(*["C001102000F00000"] * 2)["country"] == "CN"


def test_decoder_identification():
    groups = [(0x7001, 0x0004 | k if k in (0, 3) else k, 0xE0CD, 0x2020) for k in range(4)]
    assert Log().take(*groups * 2)["di"] == {
        "dynamic_pty": True,
        "compressed": False,
        "artificial_head": False,
        "stereo": True,
    }


def test_programme_type_name():
    groups = [(0x34DB, 0xA550, 0x5241, 0x4449), (0x34DB, 0xA551, 0x4F20, 0x3720)]
    log = Log().take(*groups)
    assert log["ptyn"] is None
    assert log.take(*groups)["ptyn"] == "RADIO 7"


def test_radiotext_plus():
    text = "Now: Trinh Cong Son - Diem xua"
    tags = 1 << 35 | 4 << 29 | 5 << 23 | 13 << 17 | 1 << 11 | 22 << 5 | 7
    rt_plus = (0x7001, 0xB000 | tags >> 32, tags >> 16 & 0xFFFF, tags & 0xFFFF)
    announce = (0x7001, 0x3000 | 0x16, 0x0000, 0x4BD7)
    log = Log().take(announce, announce, *rt_groups(text), rt_plus)
    assert log["rt_plus"] == {}
    log.take(rt_plus)
    assert log["oda"] == {"4BD7": "11A"}
    assert log["rt_plus"] == {"item.artist": "Trinh Cong Son", "item.title": "Diem xua"}


def test_enhanced_radiotext():
    text = "Phường Trà Vinh: tin tức".encode() + b"\r"
    text += b" " * (-len(text) % 4)
    announce = (0x7001, 0x3000 | 0x18, 0x0001, 0x6552)
    groups = [
        (
            0x7001,
            0xC000 | k,
            int.from_bytes(text[4 * k : 4 * k + 2]),
            int.from_bytes(text[4 * k + 2 : 4 * k + 4]),
        )
        for k in range(len(text) // 4)
    ]
    log = Log().take(announce, announce, *groups)
    assert log["ert"] == "Phường Trà Vinh: tin tức"


def test_other_networks():
    name = "VOH 99.9"
    groups = [
        (0x7001, 0xE010 | k, ord(name[2 * k]) << 8 | ord(name[2 * k + 1]), 0x7ABC) for k in range(4)
    ]
    groups += [(0x7001, 0xE015, 0x767C, 0x7ABC), (0x7001, 0xE01D, 0x0801, 0x7ABC)]
    log = Log().take(*groups[:1])
    assert log["eon"] == {}
    log.take(*groups, *groups)
    assert log["eon"] == {
        "7ABC": {
            "ps": "VOH 99.9",
            "tp": True,
            "ta": True,
            "pty": 1,
            "linkage": None,
            "pin": None,
            "af_hz": [99_900_000],
        }
    }


def test_raw_groups_and_histogram():
    log = Log().take("7001502012345678", "70016020ABCDEF01", "7001902100010002", "7001D0200000FFFF")
    assert log["tdc"] == ["7001502012345678"]
    assert log["in_house"] == ["70016020ABCDEF01"]
    assert log["ews"] == ["7001902100010002"]
    assert log["group_counts"] == {"5A": 1, "6A": 1, "9A": 1, "13A": 1}


def test_fast_tuning():
    log = Log().take("7001F81C7001F81C")
    assert log["ta"] is True
    assert log["music"] is True


def test_another_station_is_shown_when_confirmed_and_the_old_one_forgotten():
    log = Log().take(*ps_groups("TRAVINH ") * 2)
    log.take(ps_groups("INTRUDER", pi=0xC123)[0])
    assert log["pi"] == "7001"
    assert log["ps"] == "TRAVINH "
    log.take(*ps_groups("INTRUDER", pi=0xC123)[1:])
    assert log["pi"] == "C123"
    assert log["ps"] is None
    log.take(*ps_groups("INTRUDER", pi=0xC123) * 2)
    assert log["ps"] == "INTRUDER"


def test_groups_with_a_foreign_pi_are_not_looked_into():
    log = Log().take(*ps_groups("TRAVINH ") * 2)
    for k in range(8):
        log.take(ps_groups("XXXXXXXX", pi=0x1000 + k)[k % 4])
    assert log["ps"] == "TRAVINH "
    assert log["pi"] == "7001"


def test_zero_is_no_pi():
    assert Log().take(*["0000000000000000"] * 9)["pi"] is None


def test_values_grow_old():
    log = Log().take(*ps_groups("TRAVINH ") * 2)
    log.station.advance(log.sample + 9 * 288_000)
    assert log["pi"] == "7001"
    log.station.advance(log.sample + 11 * 288_000)
    assert log["pi"] is log["pty"] is log["tp"] is None
    assert log["ps"] == "TRAVINH "
    log.station.advance(log.sample + 21 * 288_000)
    assert log["ps"] is None


def test_lost_blocks_and_error_rate():
    log = Log().take("7001 0028 E0CD 5452", "7001 ---- ---- ----", "---- ---- ---- ----")
    assert log["blocks_clean"] == 5
    assert log["blocks_lost"] == 7
    assert log["bler"] == pytest.approx(7 / 12)
    log.take("7001 0028 E0CD 5452", corrected=(0, 2, 1, 0))
    assert log["blocks_corrected"] == 2
    assert log["bler"] == pytest.approx(9 / 16)


def test_segment_without_letters_is_not_taken():
    log = Log().take("7001 2020 ---- 4142", "7001 2020 4142 ----", "7001 0028 ---- ----")
    assert log["rt"] is None
    assert log["ps_receptions"] == [0, 0, 0, 0]


block = st.one_of(st.none(), st.integers(0, 0xFFFF))
plausible = st.builds(
    lambda kind, rest: kind << 11 | rest, st.integers(0, 31), st.integers(0, 0x7FF)
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0x7001, 0x7002, None]), plausible | st.none(), block, block),
        min_size=1,
        max_size=60,
    ),
    st.lists(st.integers(-1, 2), min_size=4, max_size=4),
)
def test_any_groups_are_taken_and_the_state_is_json(groups, marks):
    log = Log().take(*groups, corrected=tuple(max(m, 0) for m in marks))
    json.dumps(log.station.state(), allow_nan=False)


def fuzz(cases, seed):
    """Random groups of every kind, one station; the state must stay JSON and bounded."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 1 << 16, (cases, 4))
    kinds = rng.integers(0, 8, cases)
    station = RdsStation()
    for n, (row, kind) in enumerate(zip(words.tolist(), kinds.tolist(), strict=True)):
        a, b, c, d = row
        a = 0x7001 if kind else a
        # A third of them belong to an announced application or to EON of a few networks.
        if kind == 1:
            b, d = 0x3000 | b & 0x1F, (0x4BD7, 0x6552, d)[n % 3]
        elif kind == 2:
            b, d = 0xE000 | b & 0xFFF, d & 0xF
        corrected = (0, 0, n & 1, 0)
        lost = n % 7
        blocks = tuple(None if i == lost else v for i, v in enumerate((a, b, c, d)))
        corrected = tuple(-1 if i == lost else v for i, v in enumerate(corrected))
        station.take(RdsGroup(blocks, corrected, bool(b & 0x800), n * STEP))
        if n % 50 == 0:
            text = json.dumps(station.state(), allow_nan=False)
            assert len(text) < 60_000


def test_fuzz_thousand_groups():
    fuzz(2_000, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_fuzz_hundred_thousand_groups(seed):
    fuzz(100_000, 100 + seed)
