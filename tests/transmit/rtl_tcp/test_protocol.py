"""rtl_tcp sans I/O: the greeting, every command, any cut, any rubbish."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transmit.rtl_tcp.protocol import COMMANDS, Command, CommandParser, encode_command, greeting


def test_the_greeting_of_an_r820t():
    assert greeting() == b"RTL0\x00\x00\x00\x05\x00\x00\x00\x1d"


@pytest.mark.parametrize("identity", range(0x01, 0x0F))
def test_every_command_is_known(identity):
    wire = struct.pack(">BI", identity, 96_400_000)
    assert wire == encode_command(identity, 96_400_000)
    assert CommandParser().feed(wire) == [Command(identity, 96_400_000, COMMANDS[identity])]


def test_corrections_may_be_negative():
    assert CommandParser().feed(encode_command(0x05, -42))[0].value == -42
    assert CommandParser().feed(encode_command(0x01, 0xFFFFFFFF))[0].value == 0xFFFFFFFF


def test_the_unknown_has_no_name():
    assert CommandParser().feed(b"\xff\x00\x00\x00\x01") == [Command(0xFF, 1, None)]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_rubbish_in_any_cut_is_the_same_commands(data, cuts):
    whole = CommandParser().feed(data)
    parser = CommandParser()
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    cut = [c for a, b in itertools.pairwise(edges) for c in parser.feed(data[a:b])]
    assert cut == whole
    assert len(whole) == len(data) // 5
    assert len(parser._held) < 5
