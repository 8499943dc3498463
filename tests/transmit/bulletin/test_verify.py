"""No valid signature, no sound: what is altered, forged, out of its rights or time is refused."""

import base64
import dataclasses
import json
import random
from datetime import timedelta

import pytest

from dsp.errors import Refusal
from tests.transmit.bulletin.made import (
    KEY,
    KEYRING,
    NOW,
    RECORDING,
    SECOND,
    SIGNED,
    STRANGER,
    bulletin,
    trusted,
)
from transmit.bulletin.envelope import Envelope, Signature, read_envelope
from transmit.bulletin.keyring import Keyring, read_keyring
from transmit.bulletin.signing import SigningKey, sign
from transmit.bulletin.verify import Policy, require_audio, verify

MUTATIONS = 1_000


def refused(envelope, keyring=KEYRING, now=NOW, policy=None, **options):
    with pytest.raises(Refusal) as caught:
        verify(envelope, keyring, now, policy or Policy(), **options)
    return caught.value.kind


def test_what_was_signed_is_believed():
    (key,) = verify(SIGNED, KEYRING, NOW)
    assert (key.holder, key.id) == ("desk-1", KEY.id)
    assert verify(read_envelope(SIGNED.to_bytes()), KEYRING, NOW)


def mutated(content, draw):
    """Change, drop, insert or swap a few bytes."""
    row = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(row))
        kind = draw.randrange(4)
        if kind == 0:
            row[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del row[place : place + draw.randint(1, 4)]
        elif kind == 2:
            row[place:place] = draw.randbytes(draw.randint(1, 3))
        else:
            other = draw.randrange(len(row))
            row[place], row[other] = row[other], row[place]
    return bytes(row)


def test_no_mutated_envelope_is_believed():
    draw = random.Random(20261124)
    altered = reached = 0
    while altered < MUTATIONS:
        try:
            envelope = read_envelope(mutated(SIGNED.to_bytes(), draw))
        except Refusal:
            altered += 1
            continue
        if envelope == SIGNED:  # white space between two members says nothing else
            continue
        altered, reached = altered + 1, reached + 1
        assert refused(envelope)
    assert reached > MUTATIONS // 50  # enough of them got as far as the signature


def changed(value, draw):
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + draw.choice((-1, 1, 1000))
    if isinstance(value, str):
        place = draw.randrange(len(value))
        return value[:place] + draw.choice("abc0189") + value[place + draw.randrange(2) :]
    if isinstance(value, list):
        return [*value, "more"] if draw.random() < 0.5 else value[1:]
    key = draw.choice(sorted(value))
    return value | {key: changed(value[key], draw)}


def test_no_content_changed_member_by_member_is_believed():
    draw = random.Random(39)
    said = SIGNED.as_dict()
    tried = 0
    while tried < MUTATIONS:
        table = changed(said, draw)
        if table == said:
            continue
        tried += 1
        try:
            envelope = read_envelope(json.dumps(table).encode())
        except Refusal:
            continue
        if envelope.bulletin != SIGNED.bulletin or envelope.signatures != SIGNED.signatures:
            assert refused(envelope)


def test_a_signature_for_another_content_or_from_a_stranger_is_refused():
    other = dataclasses.replace(SIGNED.bulletin, counter=8)
    assert refused(Envelope(other, SIGNED.signatures)) == "bulletin.signature"
    assert refused(sign(bulletin(), STRANGER)) == "bulletin.unknown_signer"
    forged = Signature(KEY.id, sign(bulletin(), STRANGER).signatures[0].value)
    assert refused(Envelope(bulletin(), (forged,))) == "bulletin.signature"
    assert refused(Envelope(bulletin(), ())) == "bulletin.unsigned"


def test_a_second_signature_that_is_wrong_spoils_the_first():
    wrong = Signature(SECOND.id, SIGNED.signatures[0].value)
    assert refused(Envelope(bulletin(), (*SIGNED.signatures, wrong))) == "bulletin.signature"


def test_a_signature_raised_by_the_order_of_the_group_is_refused():
    # RFC 8032 §5.1.7: S must be below L, or one signature would have two faces.
    order = 2**252 + 27742317777372353535851937790883648493
    raw = SIGNED.signatures[0].raw
    other = raw[:32] + (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    twin = Signature(KEY.id, base64.b64encode(other).decode())
    assert refused(Envelope(bulletin(), (twin,))) == "bulletin.signature"


def test_a_key_says_what_it_may():
    rights = {
        "issuer": "province.can-tho",
        "tiers": ("commune",),
        "priorities": ("normal",),
        "communes": ("tri-ton",),
        "zones": ("tri-ton.1",),
        "not_after": "2026-11-24T04:59:59Z",
    }
    for name, value in rights.items():
        keyring = Keyring((trusted(**{name: value}),))
        assert refused(SIGNED, keyring) == "bulletin.forbidden", name
    assert refused(SIGNED, Keyring((trusted(revoked=True),))) == "bulletin.revoked"
    narrow = trusted(communes=("tri-ton", "cang-long", "x"), zones=("cang-long.4",))
    assert verify(SIGNED, Keyring((narrow,)), NOW)


def test_two_persons_release_what_needs_two():
    policy = Policy(holders_emergency=2)
    assert refused(SIGNED, policy=policy) == "bulletin.approval"
    both = sign(SIGNED, SECOND)
    assert len(verify(both, KEYRING, NOW, policy)) == 2
    one_person = Keyring((trusted(), trusted(SECOND)))  # two keys of one desk
    assert refused(both, one_person, policy=policy) == "bulletin.approval"
    assert verify(sign(bulletin(priority="normal"), KEY), KEYRING, NOW, policy)


def test_it_is_believed_in_its_time_only():
    begins, ends = SIGNED.bulletin.not_before_utc, SIGNED.bulletin.expires_utc
    step = timedelta(seconds=1)
    assert verify(SIGNED, KEYRING, begins)
    assert verify(SIGNED, KEYRING, ends - step)
    assert refused(SIGNED, now=ends) == "bulletin.expired"
    assert refused(SIGNED, now=begins - step) == "bulletin.early"
    assert verify(SIGNED, KEYRING, begins - step, may_wait=True)
    assert verify(SIGNED, KEYRING, ends, Policy(clock_error_s=2.0))
    assert verify(SIGNED, KEYRING, None)


def test_only_the_recording_that_was_signed_is_taken():
    digest = SIGNED.bulletin.audio[0].sha256
    require_audio(SIGNED, digest, len(RECORDING))
    for sha256, size_bytes in ((digest, len(RECORDING) + 1), ("0" * 64, len(RECORDING))):
        with pytest.raises(Refusal) as caught:
            require_audio(SIGNED, sha256, size_bytes)
        assert caught.value.kind == "bulletin.digest"


def test_keys_come_back_from_their_files():
    assert SigningKey.from_pem(KEY.to_pem()).public == KEY.public
    for content in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(Refusal) as caught:
            SigningKey.from_pem(content)
        assert caught.value.kind == "bulletin.private_key"
    text = f"""
        [[key]]
        public = "{KEY.public_text}"
        issuer = "province.vinh-long"
        holder = "desk-1"
        tiers = ["province"]
        communes = ["*"]
        zones = ["*"]
        priorities = ["normal", "priority", "emergency"]
    """
    keyring = read_keyring(text.encode())
    assert keyring.find(KEY.id) == trusted()
    assert verify(SIGNED, keyring, NOW)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("issuer", "issuers", "keyring.key"),
        ('public = "', 'public = "AA', "keyring.value"),
        ('"province"', '"village"', "keyring.value"),
        ("[[key]]", "[[key", "keyring.toml"),
    ],
)
def test_a_wrong_keyring_is_refused(old, new, kind):
    text = (
        f'[[key]]\npublic = "{KEY.public_text}"\nissuer = "p"\nholder = "h"\n'
        'tiers = ["province"]\npriorities = ["normal"]\n'
    )
    assert read_keyring(text.encode())
    with pytest.raises(Refusal) as caught:
        read_keyring(text.replace(old, new, 1).encode())
    assert caught.value.kind == kind


def test_one_key_with_two_sets_of_rights_is_refused():
    with pytest.raises(ValueError, match="once"):
        Keyring((trusted(), trusted(holder="desk-2")))
