"""Block sync and correction: known words, bursts, slips, gaps, and nothing made out of noise."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.contract import BlockContractError
from dsp.receive.rds.blocks import error_words, pattern_table, remainder_tables
from dsp.receive.rds.group import group_of_hex
from dsp.receive.rds.sync import RdsSync, symbols_of_bits
from tests.naive import rds as naive

BITS_PER_SECOND = 1187.5
# 26-bit words of facts.md 2.5: data << 10 | check-word.
KNOWN_WORDS = (
    (0x1C00706, 0x000A05C, 0x38335E9, 0x1514BD2),
    (0x1C00706, 0x08080F0, 0x1612550, 0x1388005),
    (0x1C00706, 0x0408054, 0x003CB3B, 0x00001B4),
    (0x1C00706, 0x020A305, 0x1C004AA, 0x1514BD2),
    (0x1C00706, 0x1008401, 0x34A190A, 0x01E38E2),
)


def decode(bits, error_rate=0.005):
    # Bits decided elsewhere: one wrong bit is as likely as two.
    return RdsSync(slip=error_rate).process(*symbols_of_bits(bits, error_rate))


def values(groups):
    return [g.blocks for g in groups]


def bits_of_words(groups):
    return np.array([w >> i & 1 for g in groups for w in g for i in range(25, -1, -1)], np.uint8)


def test_known_words_of_the_standard():
    groups = decode(np.concatenate([[0, 1], bits_of_words(KNOWN_WORDS)]))
    assert [g.hex() for g in groups] == [
        "70010028E0CD5452",
        "7001202058494E20",
        "7001102000F20000",
        "7001082870015452",
        "70014021D286078E",
    ]
    assert [g.version_b for g in groups] == [False, False, False, True, False]
    assert all(g.corrected == (0, 0, 0, 0) for g in groups)


def test_the_error_patterns_have_different_syndromes():
    words = [int(w) for w in error_words()]
    assert len(words) == 1 + 27 + 24
    assert sum(p >= 0 for p in pattern_table()) == len(words)
    tables = remainder_tables()
    for word in words:
        by_table = tables[word >> 13] ^ tables[8192 + (word & 8191)]
        # The twin's check-word of zero data is the offset alone: the remainder by long division.
        assert by_table == naive.checkword(word >> 10, "A") ^ 0x0FC ^ (word & 0x3FF)


@pytest.mark.parametrize("start", [1, 25, 26, 77, 103])
def test_the_first_whole_group_comes_with_its_last_bit(start):
    groups = naive.random_groups(start, 3)
    bits = np.concatenate(
        [np.random.default_rng(start).integers(0, 2, start), naive.bits_of(groups)]
    )
    symbols, times = symbols_of_bits(bits)
    sync = RdsSync()
    last = start + 104
    assert not sync.process(symbols[: last - 1], times[: last - 1])
    found = sync.process(symbols[last - 1 : last], times[last - 1 : last])
    assert groups[0] in values(found)
    assert found[-1].sample == round(times[last - 1])


def test_pieces_of_any_size_give_the_same_groups():
    bits = naive.bits_of(naive.random_groups(2, 12))
    symbols, times = symbols_of_bits(bits)
    whole = RdsSync().process(symbols, times)
    sync, cut = RdsSync(), []
    edges = [0, 0, 1, 2, 50, 51, 400, 401, 1_000, len(symbols)]
    for a, b in itertools.pairwise(edges):
        cut += sync.process(symbols[a:b], times[a:b])
    assert cut == whole
    sync.reset()
    assert sync.process(symbols, times) == whole


@pytest.mark.parametrize("position", range(26))
@pytest.mark.parametrize("length", [1, 2])
def test_bursts_of_one_and_two_bits_are_corrected(position, length):
    groups = naive.random_groups(5, 6)
    bits = naive.bits_of(groups)
    at = 3 * 104 + 26 + position  # block B of the fourth group
    bits[at : at + min(length, 26 - position)] ^= 1
    found = decode(bits)
    assert values(found)[1:] == groups[1:]
    assert found[3].corrected == (0, min(length, 26 - position), 0, 0)


def test_three_wrong_bits_are_lost_not_guessed():
    groups = naive.random_groups(6, 6)
    for pattern in (0b111, 0b1011, 0b10001):
        for shift in range(22):
            bits = naive.bits_of(groups)
            word = pattern << shift
            for i in range(26):
                bits[3 * 104 + 52 + i] ^= word >> (25 - i) & 1
            found = decode(bits)
            assert found[3].blocks[2] in (None, groups[3][2])


def test_soft_symbols_decide_which_error_is_believed():
    groups = naive.random_groups(7, 6)
    symbols, times = symbols_of_bits(naive.bits_of(groups), 1e-4)
    weak = symbols.copy()
    at = 3 * 104 + 40
    weak[at] *= -0.05  # wrong and hardly a symbol at all
    assert values(RdsSync().process(weak, times))[1:] == groups[1:]
    # Four strong symbols and one weak one: the weak one alone does not make the block fit.
    for i in (30, 34, 39, 47):
        weak[3 * 104 + i] *= -1.0
    assert RdsSync().process(weak, times)[3].blocks[1] in (None, groups[3][1])


@pytest.mark.parametrize("slip", [-1, 1])
def test_a_slipped_bit_costs_two_groups_at_most(slip):
    groups = naive.random_groups(8, 14)
    bits = naive.bits_of(groups)
    at = 6 * 104 + 50
    bits = np.delete(bits, at) if slip < 0 else np.insert(bits, at, 1)
    found = values(decode(bits))
    assert found[1:6] == groups[1:6]
    assert [g for g in found if None not in g][-7:] == groups[7:]


def test_a_second_of_noise_and_the_lock_is_still_there():
    rng = np.random.default_rng(9)
    groups = naive.random_groups(9, 60)
    symbols, times = symbols_of_bits(naive.bits_of(groups), 1e-3)
    noise = slice(20 * 104, 35 * 104)
    symbols[noise] = rng.normal(0, 1.0, 15 * 104)
    found = RdsSync().process(symbols, times)
    assert values(found)[1:20] == groups[1:20]
    assert values(found)[36:] == groups[36:]
    for got, sent in zip(values(found)[20:35], groups[20:35], strict=True):
        assert all(a in (None, b) for a, b in zip(got, sent, strict=True))


def test_memory_reaches_back_over_what_came_before_the_lock():
    # So weak that a lock needs several groups: those are given, too.
    rng = np.random.default_rng(3)
    groups = naive.random_groups(10, 30)
    symbols, times = symbols_of_bits(naive.bits_of(groups))
    level = 2.0 * 10 ** (3.0 / 10) * 2  # Es/N0 = 3 dB: mean log-likelihood 2 A² / σ²
    noisy = (np.sign(symbols) * level + rng.normal(0, np.sqrt(2 * level), len(symbols))).astype(
        np.float32
    )
    found = RdsSync().process(noisy, times)
    assert len(found) >= 28
    received = sum(4 - g.lost_blocks for g in found)
    assert received > 60
    for group in found:
        number = round(group.sample * BITS_PER_SECOND / 288_000 / 104) - 1
        assert all(a in (None, b) for a, b in zip(group.blocks, groups[number], strict=True))


@pytest.mark.parametrize("error_rate", [1e-3, 0.02, 0.1])
def test_ten_minutes_of_random_bits_hold_no_pi(error_rate):
    bits = np.random.default_rng(11).integers(0, 2, int(600 * BITS_PER_SECOND))
    assert decode(bits, error_rate=error_rate) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_an_hour_of_random_bits_holds_no_pi(seed):
    bits = np.random.default_rng(1_000 + seed).integers(0, 2, int(3_600 * BITS_PER_SECOND))
    assert decode(bits, error_rate=0.02) == []


@pytest.mark.parametrize("word", [0, (1 << 26) - 1, 0x1555555, 0x3333333])
def test_monotonous_bits_hold_no_group(word):
    bits = np.tile([word >> i & 1 for i in range(26)], 400)
    assert decode(bits) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-20, 20, width=32), max_size=400), st.integers(0, 2**32 - 1))
def test_any_numbers_are_taken(levels, seed):
    rng = np.random.default_rng(seed)
    symbols = np.array(levels + list(rng.normal(0, 30, 300)), np.float32)
    for group in RdsSync().process(symbols, np.arange(len(symbols), dtype=np.float64)):
        assert all(b is None or 0 <= b < 1 << 16 for b in group.blocks)


@pytest.mark.parametrize(
    ("symbols", "times"),
    [
        (np.zeros(5), np.zeros(5)),
        (np.zeros(5, np.float32), np.zeros(4)),
        (np.zeros((5, 1), np.float32), np.zeros((5, 1))),
        (np.array([np.nan], np.float32), np.zeros(1)),
    ],
)
def test_refused_pieces_change_nothing(symbols, times):
    bits = naive.bits_of(naive.random_groups(2, 6))
    good, at = symbols_of_bits(bits)
    sync = RdsSync()
    first = sync.process(good[:300], at[:300])
    with pytest.raises(BlockContractError):
        sync.process(symbols, times)
    assert first + sync.process(good[300:], at[300:]) == RdsSync().process(good, at)


def test_groups_as_text():
    group = group_of_hex("7001 ---- E0CD 5452")
    assert group.hex() == "7001----E0CD5452"
    assert group.blocks == (0x7001, None, 0xE0CD, 0x5452)
    assert group.lost_blocks == 1
    assert not group.whole
    for text in ("", "7001", "70010028E0CD54521", "70010028E0CDXXXX"):
        with pytest.raises(ValueError, match=r"hexadecimal|invalid literal"):
            group_of_hex(text)
