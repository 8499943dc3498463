"""From and to JSON: canonical bytes known by hand, the schema beside the reader, hostile input."""

import dataclasses
import json
from importlib import resources

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.errors import Refusal
from tests.transmit.bulletin.made import KEY, SECOND, SIGNED, bulletin
from transmit.bulletin.canonical import canonical_bytes
from transmit.bulletin.envelope import MOST_BYTES, Signature, read_envelope
from transmit.bulletin.signing import sign

SCHEMA = json.loads(
    resources.files("transmit.bulletin").joinpath("bulletin.schema.json").read_text("utf-8")
)


def fits_schema(table):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(table)


def is_read(content):
    try:
        read_envelope(content)
    except Refusal:
        return False
    return True


def test_the_canonical_form_of_rfc_8785():
    # RFC 8785 §3.2.4: its example without the fractions, and the escapes of §3.2.2.2.
    value = {
        "peach": "This sorting order",
        "literals": [True, False],
        "1": {"f": {"F": "hi", "f": 5}, "\n": 56},
        "string": '€$\x0f\nA\'B"\\\\"/',
        "": "empty",
    }
    expected = (
        '{"":"empty","1":{"\\n":56,"f":{"F":"hi","f":5}},"literals":[true,false],'
        '"peach":"This sorting order","string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_bytes(value) == expected.encode()


@pytest.mark.parametrize("value", [1.5, None, 2**53, {"é": 1}, "\ud800", b"x", [float("nan")]])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError, match=r"expected|surrogates"):
        canonical_bytes({"a": value})


def test_a_signature_covers_name_and_content():
    content = bulletin(text="a", board_text=None, reply_to=None).to_sign()
    assert content.startswith(b'loa.bulletin/1\n{"approver":"Tr')
    assert b'"board_text"' not in content
    assert b'"test":false' in content


def test_an_envelope_comes_back_as_it_went():
    envelope = sign(SIGNED, SECOND)
    assert read_envelope(envelope.to_bytes()) == envelope
    assert read_envelope(json.dumps(envelope.as_dict(), indent=3).encode()) == envelope
    assert fits_schema(envelope.as_dict())


def test_every_member_of_the_content_stands_in_the_schema():
    names = {field.name for field in dataclasses.fields(bulletin())}
    assert names | {"schema", "signatures"} == set(SCHEMA["properties"])


WRONG = [
    {"id": ""},
    {"id": "a b"},
    {"tier": "village"},
    {"priority": "urgent"},
    {"communes": [], "zones": []},
    {"communes": ["x", "x"]},
    {"languages": []},
    {"languages": ["VIETNAMESE"]},
    {"title": ""},
    {"title": 5},
    {"title": None},
    {"text": "x" * 20_001},
    {"not_before": "2026-11-24 05:00"},
    {"counter": 0},
    {"counter": True},
    {"counter": "7"},
    {"counter": 2**53},
    {"test": 1},
    {"audio": [{"sha256": "A" * 64, "size_bytes": 1, "language": "vi"}]},
    {"audio": [{"sha256": "a" * 64, "size_bytes": 0, "language": "vi"}]},
    {"audio": [{"sha256": "a" * 64, "language": "vi"}]},
    {"board_text": {"text": "", "expires": "2026-11-24T12:00:00Z"}},
    {"signatures": [{"key": "1", "value": "x"}]},
    {"schema": "loa.bulletin/2"},
    {"more": 1},
]
# What a schema cannot say and the reader refuses all the same.
SUBTLE = [
    {"expires": "2026-11-24T05:00:00Z"},
    {"expires": "2027-11-26T05:00:00Z"},
    {"expires": "2026-02-30T05:00:00Z"},
    {"title": "two\nlines"},
    {"title": "   "},
    {"text": "\u202egnp.exe"},
    {"text": "\u0000"},
    {"audio": [{"sha256": "a" * 64, "size_bytes": 1, "language": "en"}]},
    {"audio": [], "board_text": "none"},
]


@pytest.mark.parametrize("change", WRONG)
def test_reader_and_schema_refuse_alike(change):
    table = SIGNED.as_dict() | change
    assert not fits_schema(table)
    assert not is_read(json.dumps(table).encode())


@pytest.mark.parametrize("change", SUBTLE)
def test_the_reader_refuses_what_a_schema_cannot_say(change):
    table = SIGNED.as_dict() | change
    table = {key: value for key, value in table.items() if value != "none"}
    assert not is_read(json.dumps(table).encode())


@pytest.mark.parametrize("name", sorted(SCHEMA["required"]))
def test_what_is_required_is_required_by_both(name):
    table = {key: value for key, value in SIGNED.as_dict().items() if key != name}
    assert not fits_schema(table)
    assert not is_read(json.dumps(table).encode())


@given(
    st.dictionaries(
        st.sampled_from(sorted(SCHEMA["properties"])),
        st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.lists(st.text(max_size=3))),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_is_read_fits_the_schema(change):
    table = SIGNED.as_dict() | change
    if is_read(json.dumps(table).encode()):
        assert fits_schema(table)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "bulletin.json"),
        (b"\xff", "bulletin.json"),
        (b"[" * 100_000, "bulletin.json"),
        (b'{"a": 1, "a": 2}', "bulletin.json"),
        (b'{"a": 1.5}', "bulletin.json"),
        (b'{"a": NaN}', "bulletin.json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "bulletin.json"),
        (b"null", "bulletin.schema"),
        (b"{}", "bulletin.schema"),
        (b" " * (MOST_BYTES + 1), "bulletin.too_large"),
    ],
)
def test_hostile_json_gets_a_typed_answer(content, kind):
    with pytest.raises(Refusal) as caught:
        read_envelope(content)
    assert caught.value.kind == kind


def test_one_signature_has_one_text():
    value = SIGNED.signatures[0].value
    last = chr(ord(value[-3]) + 1)  # A, Q, g or w: the bits that base64 ignores are the low ones
    for other in (value[:-3] + last + "==", value[:-2], value + "\n", value.replace("=", "")):
        with pytest.raises(ValueError, match="64 bytes"):
            Signature(KEY.id, other)


def test_two_signatures_of_one_key_are_refused():
    table = SIGNED.as_dict()
    table["signatures"] *= 2
    with pytest.raises(Refusal) as caught:
        read_envelope(json.dumps(table).encode())
    assert caught.value.kind == "bulletin.value"


def test_a_district_is_an_alias_that_weighs_as_a_commune():
    assert bulletin(tier="district").rank == bulletin(tier="commune").rank == 2
    assert bulletin(tier="central").rank == 0


def test_a_loudspeaker_is_addressed_by_commune_or_zone():
    said = bulletin()
    assert said.addresses("tri-ton", "any")
    assert said.addresses("elsewhere", "cang-long.4")
    assert not said.addresses("elsewhere", "cang-long.5")
