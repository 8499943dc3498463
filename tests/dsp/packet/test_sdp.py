"""Session descriptions: what a player needs comes back, and lies have names."""

from __future__ import annotations

import random

import pytest

from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import AudioSession, parse_session

OPUS = AudioSession(
    "239.255.12.42",
    5004,
    96,
    "opus",
    48_000,
    2,
    name="Xã Lương Hòa",
    source_address="10.9.0.1",
    session_id=77,
    ttl=4,
    format_parameters="maxaveragebitrate=32000;useinbandfec=1",
    crypto=("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,),
    attributes=(("fec-repair-flow", "encoding-id=8"),),
)


@pytest.mark.parametrize(
    "session",
    [
        OPUS,
        AudioSession("10.9.0.2", 5006, 0, "PCMU", 8_000),
        AudioSession("::1", 5008, 9, "G722", 8_000, packet_ms=1.0, source_address="::1"),
        AudioSession("127.0.0.1", 5008, 98, "L16", 48_000, 2, packet_ms=0.125),
    ],
)
def test_what_is_described_is_parsed(session):
    assert parse_session(session.describe()) == session
    assert parse_session(session.describe().encode()) == session


def test_static_types_need_no_mapping():
    text = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.9\nt=0 0\nm=audio 4000 RTP/AVP 9\n"
    session = parse_session(text)
    assert (session.encoding, session.clock_hz, session.channels) == ("G722", 8_000, 1)
    assert session.packet_ms is None


def test_the_media_sections_own_address_wins():
    text = OPUS.describe() + "c=IN IP4 10.1.2.3\r\n"
    assert parse_session(text).address == "10.1.2.3"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda t: t[:0], "sdp.version"),
        (lambda t: t.replace("v=0", "v=1"), "sdp.version"),
        (lambda t: t + "rubbish\r\n", "sdp.line"),
        (lambda t: t.replace("m=audio", "m=video"), "sdp.no_audio"),
        (lambda t: t.replace("5004", "70000"), "sdp.media"),
        (lambda t: t.replace("SAVP 96", "SAVP x"), "sdp.media"),
        (lambda t: t.replace("239.255.12.42/4", "evil.example"), "sdp.address"),
        (lambda t: t.replace("c=IN IP4", "c=XX IP4"), "sdp.address"),
        (lambda t: t.replace("/4\r", "/400\r"), "sdp.address"),
        (lambda t: t.replace("opus/48000", "opus/0"), "sdp.rtpmap"),
        (lambda t: t.replace("a=rtpmap:96", "a=rtpmap:97"), "sdp.rtpmap"),
        (lambda t: t.replace("ptime:20", "ptime:9999"), "sdp.ptime"),
        (lambda t: t.replace("ptime:20", "ptime:-1"), "sdp.ptime"),
        (lambda t: t + "a=" + "x" * 70_000, "sdp.size"),
        (lambda t: t.encode() + b"s=\xff\xfe", "sdp.text"),
    ],
)
def test_lies_have_names(change, kind):
    with pytest.raises(RemoteFormatError) as caught:
        parse_session(change(OPUS.describe()))
    assert caught.value.kind == kind


def test_a_title_cannot_smuggle_a_line():
    with pytest.raises(ValueError, match="one line"):
        AudioSession("10.0.0.1", 5004, 0, "PCMU", 8_000, name="a\r\na=crypto:x").describe()


def test_a_thousand_mutations_parse_or_are_refused():
    rng = random.Random(7)
    base = OPUS.describe().encode()
    refused = 0
    for _ in range(1000):
        data = bytearray(base)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = bytes([rng.randrange(256)])
        try:
            parse_session(bytes(data))
        except RemoteFormatError:
            refused += 1
    assert 50 < refused < 1000
