"""SRTP: every suite, lies in `a=crypto`, replays, and a memory that no holder of the key fills."""

from __future__ import annotations

import base64
import random

import pytest

from dsp.packet import rtcp
from dsp.packet.errors import RemoteFormatError
from dsp.packet.rtp import RtpPacket
from dsp.packet.srtp import SUITES, Opener, crypto_line, key_of_line, sealer, suite_of

KEYS = [bytes(range(suite.key_bytes)) for suite in SUITES]


def packet(sequence=1, ssrc=7):
    return RtpPacket(0, sequence, 160 * sequence, ssrc, b"sound" * 20).pack()


@pytest.mark.parametrize("key", KEYS, ids=[suite.name for suite in SUITES])
def test_what_is_sealed_opens_once_and_unaltered(key):
    seal, opener = sealer(key), Opener(key)
    sealed = seal.protect(packet())
    assert b"sound" not in sealed
    assert opener.rtp(sealed) == packet()
    with pytest.raises(RemoteFormatError, match=r"srtp\.replay"):
        opener.rtp(sealed)
    altered = bytearray(seal.protect(packet(2)))
    altered[20] ^= 1
    with pytest.raises(RemoteFormatError, match=r"srtp\.authentication"):
        opener.rtp(bytes(altered))
    report = rtcp.ReceiverReport(9).pack()
    sealed = seal.protect_rtcp(report)
    assert opener.rtcp(sealed) == report
    with pytest.raises(RemoteFormatError, match=r"srtcp\.replay"):
        opener.rtcp(sealed)


@pytest.mark.parametrize("key", KEYS, ids=[suite.name for suite in SUITES])
def test_the_description_carries_the_key(key):
    assert key_of_line(crypto_line(key)) == key
    assert suite_of(key).name in crypto_line(key)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "1 AES_CM_128_HMAC_SHA1_32 inline:" + base64.b64encode(bytes(30)).decode(),
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.b64encode(bytes(28)).decode(),
        "1 AEAD_AES_128_GCM inline:" + base64.b64encode(bytes(30)).decode(),
        "1 AEAD_AES_128_GCM inline:?",
    ],
)
def test_lies_are_refused(line):
    with pytest.raises(RemoteFormatError, match=r"sdp\.crypto"):
        key_of_line(line)


def test_a_key_of_no_suite():
    with pytest.raises(ValueError, match="28, 30 or 44"):
        suite_of(b"short")


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(11), bytes(1501), bytes(70_000)])
def test_rubbish_is_refused(data):
    opener = Opener(KEYS[0])
    for take in (opener.rtp, opener.rtcp):
        with pytest.raises(RemoteFormatError):
            take(data)
    assert opener.sources == 0


def test_a_thousand_sources_under_one_key_fill_no_memory():
    seal, opener = sealer(KEYS[0]), Opener(KEYS[0], sources=16)
    played = seal.protect(packet(ssrc=1))
    opener.rtp(played)
    opener.keep(1)
    for ssrc in range(100, 1100):
        opener.rtp(seal.protect(packet(ssrc=ssrc)))
    assert opener.sources == 16
    # What was played is the last to be forgotten: a replay of it is still one.
    with pytest.raises(RemoteFormatError, match=r"srtp\.replay"):
        opener.rtp(played)


def test_a_thousand_mutations_are_refused():
    seal, opener, rng = sealer(KEYS[0]), Opener(KEYS[0]), random.Random(1)
    sealed = [seal.protect(packet(number)) for number in range(1, 40)]
    for _ in range(1000):
        data = bytearray(rng.choice(sealed))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with pytest.raises(RemoteFormatError):
            opener.rtp(bytes(data[: rng.randrange(1, len(data) + 1)]))
    assert opener.sources == 0
