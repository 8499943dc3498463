"""Messages in datagrams: whole or not at all, however the network cuts, doubles and bends them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.packet.errors import RemoteFormatError
from transmit.bulletin.datagrams import MOST_MESSAGE_BYTES, PIECE_BYTES, Assembler, datagrams_of


def put_together(datagrams):
    assembler, found = Assembler(), []
    for data in datagrams:
        try:
            found.append(assembler.add(data))
        except RemoteFormatError:
            found.append(None)
    return [message for message in found if message is not None]


@given(st.binary(min_size=1, max_size=5_000), st.randoms())
def test_in_any_order_and_twice(message, draw):
    datagrams = datagrams_of(message) * 2
    draw.shuffle(datagrams)
    assert message in put_together(datagrams)


def test_what_was_lost_comes_with_the_next_round():
    message = bytes(range(256)) * 20
    datagrams = datagrams_of(message)
    assert put_together([*datagrams[:2], *datagrams[3:], *datagrams[2:3]]) == [message]


def test_golden():
    """The header as docs/reference/bulletin.md has it."""
    (data,) = datagrams_of(b"loa")
    assert data.hex() == "4c4f4131" + "b5fd4da690107853" + "0000" + "0001" + b"loa".hex()


def test_datagrams_fit_every_network():
    assert max(map(len, datagrams_of(bytes(MOST_MESSAGE_BYTES)))) <= 1_280 - 40 - 8
    for size in (0, MOST_MESSAGE_BYTES + 1):
        with pytest.raises(ValueError, match="message"):
            datagrams_of(bytes(size))


@given(st.binary(max_size=1_500))
def test_rubbish_is_a_remote_fault(data):
    with pytest.raises(RemoteFormatError):
        Assembler().add(b"LOA1" + data)


def test_bent_pieces_complete_nothing():
    draw, message = random.Random(4), bytes(3 * PIECE_BYTES)
    for _ in range(500):
        datagrams = datagrams_of(message)
        at = draw.randrange(3)
        bent = bytearray(datagrams[at])
        bent[draw.randrange(4, len(bent))] ^= 1 << draw.randrange(8)
        datagrams[at] = bytes(bent)
        assert put_together(datagrams) == []


def test_unfinished_messages_do_not_pile_up():
    assembler = Assembler()
    for number in range(1_000):
        assert assembler.add(datagrams_of(number.to_bytes(4, "big") * 1_000)[0]) is None
    assert len(assembler._open) <= 16
