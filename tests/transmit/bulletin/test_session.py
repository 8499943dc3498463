"""Live audio, signed: who may join, and who gets the key."""

import dataclasses
import json
import os
import random

import pytest

from dsp.errors import Refusal
from tests.transmit.bulletin.made import KEY, KEYRING, NOW, SECOND, STRANGER, bulletin
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.session import (
    SignedSession,
    open_session,
    read_session,
    sign_session,
)
from transmit.bulletin.signing import sign

SDP = b"v=0\r\ns=Loa\r\nm=audio 5004 RTP/SAVP 96\r\n"
SRTP_KEY = bytes(range(30))
HORNS = {f"horn-{number}": DeviceKey.generate() for number in range(3)}
PUBLIC = {name: horn.public for name, horn in HORNS.items()}


def said(**changes):
    usual = {
        "id": "live-1",
        "issuer": "province.vinh-long",
        "tier": "province",
        "priority": "emergency",
        "communes": ("tri-ton",),
        "not_before": "2026-11-24T05:00:00Z",
        "expires": "2026-11-24T08:00:00Z",
        "counter": 7,
    }
    return usual | changes


def made(key=KEY, **changes):
    session, wraps = open_session(SRTP_KEY, SDP, PUBLIC, **said(**changes))
    return sign_session(session, key), wraps


def door(folder):
    place = Place("tri-ton", ("tri-ton.2",))
    return Acceptance(KEYRING, place, ReplayFile(folder / "seen", folder / "witness"))


def refused(call, *arguments):
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.kind


def test_every_device_gets_the_key_from_its_own_wrap(tmp_path):
    signed, wraps = made()
    session = door(tmp_path).accept_session(signed.to_bytes(), NOW)
    assert session == signed
    session.require_description(SDP)
    for name, horn in HORNS.items():
        assert session.unwrap(wraps[name], horn, name) == SRTP_KEY
    assert SRTP_KEY not in b"".join(wraps.values())


def test_no_device_gets_it_from_anothers_wrap_or_an_altered_one():
    signed, wraps = made()
    draw = random.Random(5)
    one, other = "horn-0", "horn-1"
    assert refused(signed.unwrap, wraps[one], HORNS[other], other) == "session.key"
    assert refused(signed.unwrap, wraps[one], HORNS[one], other) == "session.key"
    assert refused(signed.unwrap, wraps[one], HORNS[other], one) == "session.key"
    for _ in range(200):
        row = bytearray(wraps[one])
        row[draw.randrange(len(row))] ^= 1 << draw.randrange(8)
        assert refused(signed.unwrap, bytes(row), HORNS[one], one) == "session.key"
    for row in (b"", wraps[one][:-1], os.urandom(46), bytes(1 << 20)):
        assert refused(signed.unwrap, row, HORNS[one], one) == "session.key"


def test_a_right_wrap_of_a_key_that_was_not_signed_is_refused():
    signed, _ = made()
    session, wraps = open_session(bytes(30), SDP, PUBLIC, **said())
    assert refused(signed.unwrap, wraps["horn-0"], HORNS["horn-0"], "horn-0") == "session.key"
    forged = SignedSession(
        dataclasses.replace(signed.session, ephemeral=session.ephemeral), signed.signatures
    )
    assert refused(forged.unwrap, wraps["horn-0"], HORNS["horn-0"], "horn-0") == "session.key"


def test_the_wrap_of_one_session_is_none_of_the_next():
    first, wraps = made()
    second = SignedSession(dataclasses.replace(first.session, id="live-2"), first.signatures)
    assert refused(second.unwrap, wraps["horn-0"], HORNS["horn-0"], "horn-0") == "session.key"


def test_an_altered_description_is_refused():
    signed, _ = made()
    assert refused(signed.require_description, SDP + b"a=x\r\n") == "session.sdp"


def test_a_description_with_the_key_in_it_is_not_signed():
    with pytest.raises(ValueError, match="a=crypto"):
        open_session(SRTP_KEY, SDP + b"a=crypto:1 X inline:AAAA\r\n", {}, **said())


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"communes": ("cang-long",)}, "bulletin.elsewhere"),
        ({"expires": "2026-11-24T06:00:00Z"}, "bulletin.expired"),
        ({"not_before": "2026-11-24T07:00:00Z"}, "bulletin.early"),
        ({"issuer": "province.other"}, "bulletin.forbidden"),
        ({"tier": "central"}, "bulletin.forbidden"),
    ],
)
def test_what_is_not_for_here_or_now_is_not_joined(tmp_path, changes, kind):
    signed, _ = made(**changes)
    assert refused(door(tmp_path).accept_session, signed.to_bytes(), NOW) == kind


def test_strangers_and_alterations(tmp_path):
    one, (signed, _) = door(tmp_path), made()
    assert refused(one.accept_session, made(STRANGER)[0].to_bytes(), NOW) == (
        "bulletin.unknown_signer"
    )
    for change in ({"expires": "2026-11-24T09:00:00Z"}, {"counter": 9}, {"sdp_sha256": "0" * 64}):
        altered = SignedSession(dataclasses.replace(signed.session, **change), signed.signatures)
        assert refused(one.accept_session, altered.to_bytes(), NOW) == "bulletin.signature"
    unsigned = SignedSession(signed.session, ())
    assert refused(one.accept_session, unsigned.to_bytes(), NOW) == "bulletin.unsigned"
    assert refused(one.accept_session, signed.to_bytes(), None) == "bulletin.clock"


def test_the_newest_session_may_be_joined_again_and_older_ones_not(tmp_path):
    old, new = made(counter=7)[0].to_bytes(), made(counter=8)[0].to_bytes()
    for content in (old, old, new, new):
        door(tmp_path).accept_session(content, NOW)
    assert refused(door(tmp_path).accept_session, old, NOW) == "bulletin.replay"


def test_counters_of_sessions_and_bulletins_are_apart(tmp_path):
    one = door(tmp_path)
    one.accept_session(made(counter=7)[0].to_bytes(), NOW)
    assert one.accept(sign(bulletin(counter=7), KEY), NOW)


def test_a_bulletins_signature_is_not_one_of_a_session(tmp_path):
    signed, _ = made()
    mixed = SignedSession(signed.session, sign(bulletin(), KEY).signatures)
    assert refused(door(tmp_path).accept_session, mixed.to_bytes(), NOW) == "bulletin.signature"


def test_two_holders_sign_one_session():
    both = sign_session(made()[0], SECOND)
    assert read_session(both.to_bytes()) == both
    assert len(both.signatures) == 2


def kind_of(content):
    try:
        read_session(content)
    except Refusal as refusal:
        return refusal.kind
    return None


def test_hostile_sessions_get_a_typed_answer():
    draw = random.Random(7)
    row = made()[0].to_bytes()
    table = json.loads(row)
    for name in table:
        for value in (None, "a b", 1.5, {}, True, "\ud800", -1, 2**60):
            assert refused(read_session, json.dumps(table | {name: value}).encode())
    for _ in range(1_000):
        cut = bytearray(row)
        cut[draw.randrange(len(cut))] = draw.randrange(256)
        kind = kind_of(bytes(cut))
        assert kind is None or kind.startswith("session.")


@pytest.mark.parametrize(
    "change",
    [{"expires": "2026-11-25T08:00:00Z"}, {"counter": 0}, {"communes": ()}, {"id": "a b"}],
)
def test_sessions_out_of_range_are_not_made(change):
    with pytest.raises(ValueError, match="expected"):
        made(**change)


def test_a_device_keeps_its_key():
    horn = HORNS["horn-0"]
    assert DeviceKey.from_bytes(horn.to_bytes()).public == horn.public
