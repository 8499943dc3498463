"""Payloads come out in order whatever the order they came in, and nothing grows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dsp.packet.errors import RemoteFormatError
from ingest.rtp.decoders import PayloadDecoder
from ingest.rtp.payload_queue import PayloadQueue, Verdict, Waiting
from transmit.rtp.payloads import CODECS, PayloadEncoder

DECODER = PayloadDecoder("PCMU", 8_000, 1)
NOISE = np.random.default_rng(2).uniform(-0.3, 0.3, 24_000).astype(np.float32)


def waiting(number):
    return Waiting(160 * number, 160, b"x", DECODER)


def test_order_is_by_place():
    queue, numbers = PayloadQueue(), list(range(200))
    random.Random(1).shuffle(numbers)
    assert {queue.put(waiting(number)) for number in numbers} == {Verdict.TAKEN}
    assert [one.place for one in queue.until(16_000)] == [160 * n for n in range(100)]
    assert (len(queue), queue.given_to) == (100, 16_000)


def test_doubles_late_ones_and_too_many_have_names():
    queue = PayloadQueue(most=3)
    assert [queue.put(waiting(n)) for n in (4, 4, 5, 6, 7)] == [
        Verdict.TAKEN,
        Verdict.DOUBLE,
        Verdict.TAKEN,
        Verdict.TAKEN,
        Verdict.TOO_MANY,
    ]
    assert len(list(queue.until(5 * 160))) == 1
    assert queue.put(waiting(4)) is Verdict.LATE
    assert queue.put(waiting(3)) is Verdict.LATE


def test_forgetting_and_cutting():
    queue = PayloadQueue()
    for number in range(10):
        queue.put(waiting(number))
    queue.forget_before(3 * 160 + 1)
    queue.cut(8 * 160 + 1)
    assert [one.place // 160 for one in queue.until(10_000)] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("packet_ms", [2.5, 5, 10, 20, 40, 60])
def test_the_length_of_opus_is_known_before_it_is_decoded(packet_ms):
    encoder = PayloadEncoder(CODECS["opus"], packet_ms)
    decoder = PayloadDecoder("opus", 48_000, 2)
    for payload in encoder.encode(NOISE)[:5]:
        assert decoder.count_in(payload.data) == 48 * packet_ms
        assert len(decoder.decode(payload.data)) == 48 * packet_ms


@pytest.mark.parametrize("name", ["g722", "pcmu", "pcma", "l16"])
def test_the_length_of_the_others_too(name):
    codec = CODECS[name]
    decoder = PayloadDecoder(codec.encoding, codec.clock_hz, codec.sdp_channels)
    for payload in PayloadEncoder(codec).encode(NOISE)[:5]:
        assert decoder.count_in(payload.data) == len(decoder.decode(payload.data))


@pytest.mark.parametrize("payload", [b"", b"\x03", b"\x03\x00", b"\x0b\x3f", bytes(1601)])
def test_lengths_that_are_none(payload):
    decoder = PayloadDecoder("opus" if len(payload) < 9 else "PCMU", 8_000, 1)
    with pytest.raises(RemoteFormatError):
        decoder.count_in(payload)
