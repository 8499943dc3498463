"""Checkwords and groups against the known words, and against syndromes by the parity matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.coder.rds_blocks import (
    Group,
    checkword,
    encode_block,
    encode_differentially,
    encode_group,
    group_bits,
    parse_group,
)
from dsp.errors import Refusal
from dsp.rds.code import OFFSET_WORDS
from tests.naive.rds_decoder import block_name, naive_groups

words = st.integers(0, 0xFFFF)
groups = st.builds(Group, words, words, words, words)


@pytest.mark.parametrize(
    ("data", "check"),
    [
        (0x0000, 0x000),
        (0x0001, 0x1B9),
        (0x8000, 0x077),
        (0x1234, 0x096),
        (0xABCD, 0x05B),
        (0xFFFF, 0x0CD),
    ],
)
def test_checkwords(data, check):
    assert checkword(data) == check


def test_a_group_as_104_bits_and_differentially_encoded():
    group = parse_group("7001 0028 E0CD 5452")
    assert encode_group(group) == 0x7001C1800A05CE0CD7A5514BD2
    bits = group_bits(group)
    assert bits.dtype == np.uint8
    assert bits.shape == (104,)
    encoded = encode_differentially(bits, 0)
    assert int("".join(map(str, encoded)), 2) == 0x5FFE81000C068BF765399E729C


@given(groups)
def test_any_group_has_blocks_of_the_right_syndrome(group):
    bits = group_bits(group)
    names = [block_name(bits[i : i + 26]) for i in range(0, 104, 26)]
    assert names == ["A", "B", "C'" if group.b & 0x0800 else "C", "D"]
    assert naive_groups(bits) == [tuple(group)]


@given(groups)
def test_hexadecimal_both_ways(group):
    assert parse_group(group.hex()) == group
    assert parse_group(group.hex().lower()) == group


@given(st.lists(st.integers(0, 1), max_size=300), st.integers(0, 1), st.integers(0, 300))
def test_differential_encoding_is_undone_by_the_exclusive_or_of_neighbours(bits, state, cut):
    source = np.array(bits, np.uint8)
    encoded = encode_differentially(source, state)
    before = np.concatenate([[state], encoded])[:-1]
    np.testing.assert_array_equal(encoded ^ before, source)
    first = encode_differentially(source[:cut], state)
    carried = int(first[-1]) if len(first) else state
    second = encode_differentially(source[cut:], carried)
    np.testing.assert_array_equal(np.concatenate([first, second]), encoded)


@pytest.mark.parametrize(
    ("group", "kind"),
    [("7001002800005452", "0A"), ("7001082870015452", "0B"), ("7001F00000000000", "15A")],
)
def test_the_kind_of_a_group(group, kind):
    assert parse_group(group).kind == kind


@pytest.mark.parametrize(
    "text", ["", "7001", "7001 0028 E0CD 545", "7001 0028 E0CD 54520", "70010028E0CD545G", None, 7]
)
def test_what_is_no_group_is_refused_with_words(text):
    with pytest.raises(Refusal, match=r"rds\.group: expected a group of 16 hexadecimal digits"):
        parse_group(text)


@pytest.mark.parametrize("data", [-1, 0x10000])
def test_a_word_too_wide_is_our_own_fault(data):
    with pytest.raises(ValueError, match="expected 16 bits"):
        encode_block(data, "A")


def test_bits_of_a_group_cannot_be_spoiled_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        group_bits(Group(1, 2, 3, 4))[0] = 1


def test_five_offsets_make_five_words_of_one_data_word():
    assert len({encode_block(0x7001, name) for name in OFFSET_WORDS}) == 5
