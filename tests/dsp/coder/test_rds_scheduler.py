"""The order of groups: rates of the standard over random contents, time, changes, errors."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.coder.rds_blocks import parse_group
from dsp.coder.rds_content import Application, Channel, FreeGroup, RdsContent, Tag
from dsp.coder.rds_data_groups import OtherNetwork
from dsp.coder.rds_scheduler import RdsScheduler, SentGroup, bit_at
from dsp.errors import Refusal
from tests.naive.rds_decoder import naive_groups, naive_ps, naive_radiotexts

GROUP_S = 104 / 1187.5
START = datetime(2022, 5, 16, 0, 29, 58, 250_000, tzinfo=UTC)
FULL = RdsContent(
    pi=0x7001,
    ps="TRAVINH",
    rt="Đài truyền thanh xã Long Đức, bản tin sáng lúc năm giờ mỗi ngày",
    pty=1,
    tp=True,
    af_hz=(88_000_000, 98_000_000, 107_900_000),
    ecc=0xF2,
    language=0x46,
    pin=(16, 5, 0),
    ct=True,
    ptyn="BAN TIN",
    eon=(OtherNetwork(0x7002, "CAU KE", 1, mapped_hz=((88_000_000, 98_000_000),)),),
    ews=(FreeGroup(1, 2, 3),),
    tdc=(Channel(5, b"hello, clusters"),),
    inhouse=(FreeGroup(3, 4, 5),),
    oda=(Application(0xCD46, 8, 0, (FreeGroup(0, 1, 2),)),),
    rt_plus=(Tag("programme.now", "bản tin sáng"),),
    ert="ខេត្តត្រាវិញ",
    raw=("7001C000ABCD0001",),
)


def run(scheduler, seconds):
    """Groups of the first `seconds`, as words."""
    return [tuple(parse_group(sent.group)) for sent in scheduler.groups_until(bit_at(seconds))]


words = st.integers(0, 0xFFFF)
free = st.builds(FreeGroup, st.integers(0, 31), words, words)
latin = st.text(st.sampled_from("ABCĐabcdeàéôê 0123,.-"), min_size=1, max_size=8)
applications = words.map(lambda aid: Application(aid, 8))
networks = st.tuples(st.integers(1, 0xFFFF), latin).map(lambda told: OtherNetwork(*told))
contents = st.builds(
    RdsContent,
    pi=st.integers(1, 0xFFFF),
    ps=latin,
    rt=st.none() | st.text(st.sampled_from("ABCđêô ,."), min_size=1, max_size=32),
    pty=st.integers(0, 31),
    tp=st.booleans(),
    ta=st.booleans(),
    ms=st.booleans(),
    di=st.integers(0, 15),
    af_hz=st.lists(st.integers(876, 1079), max_size=25).map(
        lambda codes: tuple(100_000 * c for c in codes)
    ),
    ecc=st.none() | st.integers(0, 255),
    language=st.none() | st.integers(0, 127),
    pin=st.none() | st.just((1, 2, 3)),
    ct=st.booleans(),
    ptyn=st.none() | latin,
    eon=st.lists(networks, max_size=3).map(tuple),
    ews=st.lists(free, max_size=3).map(tuple),
    tdc=st.lists(st.builds(Channel, st.integers(0, 31), st.binary(max_size=9)), max_size=2).map(
        tuple
    ),
    inhouse=st.lists(free, max_size=3).map(tuple),
    oda=st.lists(applications, max_size=4).map(tuple),
    ert=st.none() | latin,
    version_b=st.booleans(),
)


def gaps(groups, wanted):
    """Longest distance in groups between neighbours for which `wanted` holds, ends included."""
    at = [-1, *(i for i, group in enumerate(groups) if wanted(group)), len(groups)]
    return max(b - a for a, b in itertools.pairwise(at))


def holds_the_rates_of_the_standard(content, groups):
    assert {group[0] for group in groups} <= {content.pi}
    assert {group[1] >> 5 & 31 for group in groups} == {content.pty}
    assert {group[1] >> 10 & 1 for group in groups} == {int(content.tp)}
    for segment in range(4):
        longest = gaps(groups, lambda g, s=segment: g[1] >> 12 == 0 and g[1] & 3 == s)
        assert longest * GROUP_S <= 1.0
    assert naive_ps(groups) == naive_ps(groups[:12]) != None  # noqa: E711 - one chain
    if content.rt:
        addresses = {group[1] & 15 for group in groups if group[1] >> 12 == 2}
        for address in addresses:
            longest = gaps(groups, lambda g, a=address: g[1] >> 12 == 2 and g[1] & 15 == a)
            assert longest * GROUP_S <= 5.0
        assert addresses == set(range(max(addresses) + 1))
        assert len(naive_radiotexts(groups)) == 1
    for label in [v for v, told in ((0, content.ecc), (3, content.language)) if told is not None]:
        longest = gaps(groups, lambda g, v=label: g[1] >> 11 == 2 and g[2] >> 12 == v)
        assert longest * GROUP_S <= 6.0
    told = {application.aid for application in content.oda}
    told |= {0x4BD7} if content.rt_plus else set()
    for aid in told:
        assert gaps(groups, lambda g, a=aid: g[1] >> 11 == 6 and g[3] == a) * GROUP_S <= 10.0
    if content.ptyn:
        for part in (0, 1):
            longest = gaps(groups, lambda g, p=part: g[1] >> 11 == 20 and g[1] & 1 == p)
            assert longest * GROUP_S <= 6.0


@settings(max_examples=50, deadline=None)
@given(contents, st.integers(0, 59_999))
def test_rates_of_the_standard_for_any_content(content, start_ms):
    scheduler = RdsScheduler(content, START.replace(second=0, microsecond=0) + start_ms * _MS)
    holds_the_rates_of_the_standard(content, run(scheduler, 66))


_MS = timedelta(milliseconds=1)


@pytest.mark.parametrize("rt", ["x" * 64, "x" * 63, "x"])
def test_rates_of_the_standard_with_everything_on(rt):
    content = dataclasses.replace(FULL, rt=rt, rt_plus=(Tag("programme.now", "x"),))
    groups = run(RdsScheduler(dataclasses.replace(content, raw=()), START), 130)
    holds_the_rates_of_the_standard(content, groups)


def test_everything_is_sent_and_each_piece_of_background_within_a_minute():
    groups = run(RdsScheduler(FULL, START), 60)
    kinds = {parse_group("".join(f"{w:04X}" for w in group)).kind for group in groups}
    assert kinds == {"0A", "1A", "2A", "3A", "4A", "5A", "6A", "8A", "9A", "10A"} | {
        "11A",
        "12A",
        "14A",
    }
    data = b"".join(
        c.to_bytes(2, "big") + d.to_bytes(2, "big") for _, b, c, d in groups if b >> 12 == 5
    )
    assert b"hello, clusters\0" in data


def test_alternative_frequencies_go_round():
    groups = run(RdsScheduler(FULL, START), 5)
    words = [c for _, b, c, _ in groups if b >> 11 == 0]
    assert words[:4] == [0xE305, 0x69CC, 0xE305, 0x69CC]


def test_the_smallest_station():
    groups = run(RdsScheduler(RdsContent(pi=0x7001)), 3)
    assert {b >> 11 for _, b, _, _ in groups} == {0}
    assert naive_ps(groups) == " " * 8
    assert {c for _, _, c, _ in groups} == {0xE0CD}


def clock_groups(scheduler, seconds):
    return [g for g in scheduler.groups_until(bit_at(seconds)) if g.group[4] == "4"]


@pytest.mark.parametrize("start_ms", [0, 1, 43, 44, 20_000, 59_912, 59_957, 59_999])
def test_the_minute_edge_is_where_group_4a_ends(start_ms):
    start = datetime(2022, 5, 16, 0, 29, tzinfo=UTC) + start_ms * _MS
    sent = clock_groups(RdsScheduler(FULL, start), 3_700)
    assert len(sent) in (61, 62)
    for group in sent:
        _, b, c, d = (int(group.group[i : i + 4], 16) for i in (0, 4, 8, 12))
        day, hour, minute = (b & 3) << 15 | c >> 1, (c & 1) << 4 | d >> 12, d >> 6 & 63
        said = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=day, hours=hour, minutes=minute)
        ends = start + timedelta(seconds=(group.bit_index + 104) / 1187.5)
        assert abs(ends - said) <= timedelta(seconds=0.5 * GROUP_S + 1e-5)
        assert d & 0x3F == 14
    minutes = [int(group.group[12:], 16) >> 6 & 63 for group in sent]
    assert all((b - a) % 60 == 1 for a, b in itertools.pairwise(minutes))


def test_midnight_turns_the_day():
    start = datetime(2022, 5, 15, 23, 59, 30, tzinfo=UTC)
    (first, _) = clock_groups(RdsScheduler(FULL, start), 92)
    assert first.group == "70014421D2860" + f"{14:03X}"  # MJD 59715 00:00


def test_a_local_time_is_taken_as_utc():
    local = START.astimezone(timezone(timedelta(hours=7)))
    one, other = RdsScheduler(FULL, local), RdsScheduler(FULL, START)
    np.testing.assert_array_equal(one.next_bits(9_000), other.next_bits(9_000))


@pytest.mark.parametrize(
    "start", [None, START.replace(tzinfo=None), datetime(2300, 1, 1, tzinfo=UTC)]
)
def test_clock_time_needs_a_start_with_its_zone(start):
    with pytest.raises(Refusal, match=r"rds\.ct"):
        RdsScheduler(FULL, start)


@pytest.mark.parametrize("seed", range(4))
def test_bits_cut_anywhere(seed):
    cuts = np.random.default_rng(seed).integers(0, 400, 60)
    scheduler = RdsScheduler(FULL, START)
    pieces = [scheduler.next_bits(int(n)) for n in cuts]
    whole = RdsScheduler(FULL, START).next_bits(int(cuts.sum()))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert whole.dtype == np.uint8


def test_truth_tells_the_bits_that_were_sent():
    scheduler = RdsScheduler(FULL, START)
    told = scheduler.groups_until(50 * 104)
    groups = naive_groups(scheduler.next_bits(200 * 104))
    told += scheduler.groups_until(50 * 104)  # nothing twice
    told += scheduler.groups_until(200 * 104 - 103)
    assert told == [
        SentGroup(104 * i, "".join(f"{w:04X}" for w in group), 0) for i, group in enumerate(groups)
    ]


def test_reset_equals_new_with_the_changes():
    scheduler = RdsScheduler(FULL, START)
    scheduler.set(5_000, ta=True)
    first = scheduler.next_bits(20_000)
    scheduler.reset()
    np.testing.assert_array_equal(scheduler.next_bits(20_000), first)


def test_a_new_radiotext_turns_the_flag_and_starts_at_once():
    scheduler = RdsScheduler(RdsContent(pi=0x7001, ps="LOA", rt="bản tin một"))
    scheduler.set(bit_at(6.0), rt="bản tin hai")
    scheduler.set(bit_at(12.0), rt="bản tin ba")
    groups = run(scheduler, 18)
    assert naive_radiotexts(groups) == ["ban tin môt", "ban tin hai", "ban tin ba"]
    flags = [b >> 4 & 1 for _, b, _, _ in groups if b >> 12 == 2]
    assert [flag for flag, _ in itertools.groupby(flags)] == [0, 1, 0]


def test_a_new_title_of_the_same_length_is_a_new_item():
    tags = (Tag("programme.now", "mot"),)
    scheduler = RdsScheduler(RdsContent(pi=1, rt="tin mot", rt_plus=tags))
    scheduler.set(bit_at(10.0), rt="tin hai", rt_plus=(Tag("programme.now", "hai"),))
    tagged = [b for _, b, _, _ in run(scheduler, 20) if b >> 11 == 22]
    toggles = [b >> 4 & 1 for b in tagged]
    assert [toggle for toggle, _ in itertools.groupby(toggles)] == [0, 1]
    assert len({b & 0xF for b in tagged}) == 1


def test_a_new_type_name_turns_its_flag_and_nothing_else_does():
    scheduler = RdsScheduler(RdsContent(pi=1, ps="A", rt="a", ptyn="BAN TIN"))
    scheduler.set(bit_at(10.0), ptyn="THOI SU")
    scheduler.set(bit_at(20.0), rt="b")
    groups = run(scheduler, 30)
    flags = [b >> 4 & 1 for _, b, _, _ in groups if b >> 11 == 20]
    assert [flag for flag, _ in itertools.groupby(flags)] == [0, 1]


def test_enhanced_radiotext_is_announced_as_utf_8():
    groups = run(RdsScheduler(RdsContent(pi=1, ert="ខេត្ត")), 10)
    assert {(b & 31, c, d) for _, b, c, d in groups if b >> 11 == 6} == {(24, 1, 0x6552)}


def test_a_switched_announcement_and_a_wrong_pi_leave_the_rest_in_order():
    scheduler = RdsScheduler(FULL, START)
    scheduler.set(bit_at(3.0), pi=0xC001)
    scheduler.set(bit_at(4.0), pi=FULL.pi)
    scheduler.set(bit_at(1.0), ta=True)
    sent = scheduler.groups_until(bit_at(8.0))
    for group in sent:
        wrong = bit_at(3.0) <= group.bit_index < bit_at(4.0)
        if group.group[4] != "C":  # a raw group says what it says
            assert group.group[:4] == ("C001" if wrong else "7001")
        if group.group[4] == "0":
            assert int(group.group[4:8], 16) >> 4 & 1 == (group.bit_index >= bit_at(1.0))
    plain = RdsScheduler(FULL, START).groups_until(bit_at(8.0))
    assert [g.group[4] + g.group[8:] for g in sent] == [g.group[4] + g.group[8:] for g in plain]


def test_a_planned_change_does_not_touch_what_comes_before():
    plain = RdsScheduler(FULL, START).next_bits(40_000)
    changed = RdsScheduler(FULL, START)
    changed.next_bits(10_000)
    changed.set(20_800, ps="KHAC")
    np.testing.assert_array_equal(changed.next_bits(10_800), plain[10_000:20_800])
    assert (changed.next_bits(9_200) != plain[20_800:30_000]).any()


def test_a_change_counts_from_the_first_group_that_starts_there():
    scheduler = RdsScheduler(RdsContent(pi=1))
    scheduler.set(105, pi=2)
    assert [g.group[:4] for g in scheduler.groups_until(416)] == ["0001", "0001", "0002", "0002"]
    scheduler.set(416, pi=3)
    with pytest.raises(ValueError, match="expected 416 or later"):
        scheduler.set(312, pi=4)


def test_a_change_that_cannot_be_changes_nothing():
    scheduler = RdsScheduler(FULL, START)
    with pytest.raises(Refusal):
        scheduler.set(1_000, rt="中")
    with pytest.raises(ValueError, match="fields of RdsContent"):
        scheduler.set(1_000, station="x")
    with pytest.raises(ValueError, match="bit_error_rate"):
        scheduler.set(1_000, bit_error_rate=0.6)
    bare = RdsScheduler(RdsContent(pi=1))
    with pytest.raises(Refusal, match=r"rds\.ct"):
        bare.set(0, ct=True)
    np.testing.assert_array_equal(
        scheduler.next_bits(9_000), RdsScheduler(FULL, START).next_bits(9_000)
    )
    np.testing.assert_array_equal(
        bare.next_bits(900), RdsScheduler(RdsContent(pi=1)).next_bits(900)
    )


def test_bit_errors_are_seeded_counted_and_end():
    scheduler = RdsScheduler(FULL, START, seed=3)
    scheduler.set(104 * 100, bit_error_rate=0.02)
    scheduler.set(104 * 300, bit_error_rate=0.0)
    told = scheduler.groups_until(104 * 400)
    bits = np.concatenate([scheduler.next_bits(n) for n in (7, 104 * 400 - 7)])
    clean = RdsScheduler(FULL, START).next_bits(104 * 400)
    wrong = (bits != clean).reshape(400, 104).sum(axis=1)
    assert [group.bit_errors for group in told] == wrong.tolist()
    assert wrong[:100].sum() == wrong[300:].sum() == 0
    # 20 800 bits at 2 %: 416 ± 20.
    assert 336 < wrong.sum() < 496
    again = RdsScheduler(FULL, START, seed=4)
    again.set(104 * 100, bit_error_rate=0.02)
    assert (again.next_bits(104 * 200) != bits[: 104 * 200]).any()


def test_bit_at():
    assert bit_at(0.0) == 0
    assert bit_at(2.0) == 2375
    assert bit_at(0.001) == 2
