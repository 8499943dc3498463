"""SigMF metadata that lie, and thousands of mutations of good ones: a refusal or sense."""

import json
import random

import pytest

from dsp.errors import Refusal
from ingest.iq.sigmf_meta import MOST_BYTES, SigmfMeta, parse_sigmf
from tests.ingest.iq.test_recordings import META


def changed(**fields):
    document = json.loads(json.dumps(META))
    for name, value in fields.items():
        part, key = name.split("__")
        target = document[part] if part == "global" else document[part][0]
        target["core:" + key] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"global__datatype": "cf64_le"},
        {"global__datatype": "rf32_le"},
        {"global__datatype": 7},
        {"global__datatype": ["ci16_le"]},
        {"global__sample_rate": -2_400_000},
        {"global__sample_rate": 0},
        {"global__sample_rate": 2_400_000.5},
        {"global__sample_rate": "2400000"},
        {"global__sample_rate": True},
        {"global__sample_rate": 10**25},
        {"global__num_channels": 2},
        {"global__dataset": "../../etc/passwd"},
        {"global__dataset": "/etc/passwd"},
        {"captures__frequency": "FM"},
        {"captures__frequency": [1]},
        {"captures__header_bytes": -1},
        {"captures__header_bytes": 1.5},
        {"captures__sample_start": -1},
    ],
)
def test_lies_are_refused(fields):
    with pytest.raises(Refusal) as caught:
        parse_sigmf(changed(**fields))
    assert caught.value.kind == "iq.sigmf"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe\x00",
        b'{"global": [], "captures": []}',
        b'{"captures": []}',
        b'{"global": {"core:datatype": "cu8", "core:sample_rate": NaN}}',
        b'{"global": {"core:datatype": "cu8", "core:sample_rate": 1e999}}',
        b'{"global": {"core:datatype": "cu8", "core:sample_rate": ' + b"9" * 5_000_000 + b"}}",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        json.dumps(META).encode().replace(b"[{", b"[" + b"{}," * 20_000 + b"{"),
        b" " * (MOST_BYTES + 1),
    ],
    ids=range(14),
)
def test_what_is_no_metadata_is_refused(content):
    with pytest.raises(Refusal) as caught:
        parse_sigmf(content)
    assert caught.value.kind == "iq.sigmf"
    assert len(str(caught.value)) < 600


def test_two_bands_in_one_recording_are_refused():
    document = json.loads(json.dumps(META))
    document["captures"].append({"core:sample_start": 1_000, "core:frequency": 88e6})
    with pytest.raises(Refusal, match="2 frequencies"):
        parse_sigmf(json.dumps(document).encode())


def test_annotations_are_never_looked_at():
    document = json.loads(json.dumps(META)) | {
        "annotations": [7, {"core:sample_start": "x"}] * 9_000
    }
    assert parse_sigmf(json.dumps(document).encode()).encoding == "cs16"


@pytest.mark.parametrize(
    "moment", ["yesterday", "0001-01-01T00:00:00+23:59", "2026-05-16", 7, None]
)
def test_a_time_that_is_none_is_left_out(moment):
    assert parse_sigmf(changed(captures__datetime=moment)).start_utc is None


def mutated(content, rng):
    """Break good metadata somewhere: bytes, cuts, repeats, values."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(5)
        at = rng.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.randint(1, 30)]
        elif kind == 2:
            data[at:at] = data[at : at + rng.randint(1, 60)]
        elif kind == 3:
            data[at:at] = rng.choice(
                [b"null", b"-1", b"1e400", b"[]", b"{}", b'"', b"9" * 50, b"true", b"\x00", b"\\u"]
            )
        else:
            number = rng.choice([b"1024000", b"0", b"99600000.0", b"1000", b"5000"])
            found = data.find(number)
            if found >= 0:
                data[found : found + len(number)] = str(rng.randint(-(10**20), 10**20)).encode()
    return bytes(data)


def fuzz(cases, seed):
    rng = random.Random(seed)
    document = json.loads(json.dumps(META))
    first = document["captures"][0]
    first["core:global_index"] = 0
    later = {"core:sample_start": 1_000, "core:global_index": 5_000}
    document["captures"].append(first | later)
    good = json.dumps(document, indent=rng.choice([None, 2])).encode()
    sense = 0
    for _ in range(cases):
        try:
            meta = parse_sigmf(mutated(good, rng))
            holes = meta.holes(1_024_000)
        except Refusal as refusal:
            assert refusal.kind == "iq.sigmf"  # noqa: PT017 - every case counts, not the first
        else:
            assert isinstance(meta, SigmfMeta)
            assert meta.rate_hz is None or meta.rate_hz > 0
            assert 0 <= meta.header_bytes < 2**53
            assert all(place >= 0 and 0 < n <= 86_400 * 1_024_000 for place, n in holes)
            sense += 1
    return sense


def test_mutations():
    assert 0 < fuzz(2_000, seed=1) < 2_000


@pytest.mark.long
def test_a_hundred_thousand_mutations():
    assert 0 < fuzz(100_000, seed=2) < 100_000
