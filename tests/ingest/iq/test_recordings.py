"""Recordings of every format: the same samples, their time, and what is wrong with broken ones."""

import gzip
import json
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile as sf
import zstandard

from dsp.errors import Refusal
from ingest.iq.block import U8_MIDDLE
from ingest.iq.open_source import SourceOptions, open_source
from tests.ingest.iq.clocks import EPOCH, HandClock

RATE_HZ = 240_000
OPTIONS = SourceOptions(rate_hz=RATE_HZ, centre_hz=99e6)


def capture(n=50_000, seed=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.9, 0.9, n) + 1j * rng.uniform(-0.9, 0.9, n)


def pairs_of(iq):
    return iq.astype(np.complex64).view(np.float32)


ENCODERS = {
    "cu8": lambda p: np.round(p * 127.5 + 127.5).clip(0, 255).astype(np.uint8),
    "cs8": lambda p: np.round(p * 128).clip(-128, 127).astype(np.int8),
    "cs16": lambda p: np.round(p * 32768).clip(-32768, 32767).astype("<i2"),
    "cf32": lambda p: p.astype("<f4"),
}
COARSENESS = {"cu8": 1 / 250, "cs8": 1 / 250, "cs16": 2e-5, "cf32": 1e-7}


def joined(source):
    """All samples as complex, with NaN where something was missing."""
    parts, at = [], 0
    for block in source.blocks():
        assert block.index - block.missing_samples == at
        parts.append(np.full(block.missing_samples, np.nan, np.complex64))
        if block.samples.dtype == np.uint8:
            pairs = (block.samples.astype(np.float32) - np.float32(U8_MIDDLE)) / 127.5
            parts.append(pairs.view(np.complex64))
        else:
            assert block.samples.dtype == np.complex64
            parts.append(block.samples.copy())
        at = block.end_index
    return np.concatenate(parts)


@pytest.fixture
def opened():
    """Opens recordings and closes them after the test."""
    sources = []

    def open_one(path, options=OPTIONS):
        sources.append(open_source(str(path), options, HandClock()))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


def refused(path, options=OPTIONS):
    with pytest.raises(Refusal) as caught:
        list(open_source(str(path), options, HandClock()).blocks())
    return caught.value


PACKERS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("encoding", ENCODERS)
def test_bare_samples_come_back(opened, tmp_path, encoding, packer):
    iq = capture()
    path = tmp_path / f"band.{encoding}{packer}"
    path.write_bytes(PACKERS[packer](ENCODERS[encoding](pairs_of(iq)).tobytes()))
    source = opened(path)
    assert source.rate_hz == RATE_HZ
    assert source.centre_hz == 99e6
    np.testing.assert_allclose(joined(source), iq, rtol=0, atol=1.5 * COARSENESS[encoding])
    assert source.notes() == []


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_wav_brings_its_rate(opened, tmp_path, subtype):
    iq = capture()
    path = tmp_path / "band.wav"
    sf.write(path, pairs_of(iq).reshape(-1, 2), 256_000, subtype=subtype)
    source = opened(path, SourceOptions())
    assert source.rate_hz == 256_000
    coarse = 1 / 60 if subtype == "PCM_U8" else 6e-5
    np.testing.assert_allclose(joined(source), iq, rtol=0, atol=coarse)


def wav_with_auxi(iq, auxi):
    data = ENCODERS["cs16"](pairs_of(iq)).tobytes()
    fmt = struct.pack("<HHIIHH", 1, 2, RATE_HZ, RATE_HZ * 4, 4, 16)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"auxi" + struct.pack("<I", len(auxi)) + auxi
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_wav_of_an_sdr_program_brings_frequency_and_time(opened, tmp_path):
    start = struct.pack("<8H", 2026, 5, 1, 16, 7, 30, 15, 250)
    auxi = start + start + struct.pack("<5I", 98_500_000, 0, 0, 0, 0)
    path = tmp_path / "band.wav"
    path.write_bytes(wav_with_auxi(capture(), auxi))
    source = opened(path, SourceOptions())
    assert source.centre_hz == 98_500_000.0
    assert source.time_basis == "recorded"
    first = next(iter(source.blocks()))
    assert first.time_utc == datetime(2026, 5, 16, 7, 30, 15, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("said", [0, 0xFFFF_FFFF, 0x7FFF_0000])
def test_wav_of_a_recorder_that_did_not_finish_goes_to_the_end(tmp_path, said, opened):
    iq = capture(5_000)
    whole = bytearray(wav_with_auxi(iq, bytes(36)))
    at = whole.index(b"data") + 4
    whole[at : at + 4] = struct.pack("<I", said)
    path = tmp_path / "band.wav"
    path.write_bytes(whole)
    np.testing.assert_allclose(joined(opened(path)), iq, rtol=0, atol=6e-5)


def test_what_stands_behind_the_samples_of_a_wav_is_no_sample(tmp_path, opened):
    iq = capture(5_000)
    path = tmp_path / "band.wav"
    path.write_bytes(wav_with_auxi(iq, bytes(36)) + b"LIST" + struct.pack("<I", 400) + bytes(400))
    assert len(joined(opened(path))) == 5_000


@pytest.mark.parametrize("channels", [1, 3])
def test_wav_of_other_than_two_channels_is_refused(tmp_path, channels):
    path = tmp_path / "band.wav"
    sf.write(path, np.zeros((1_000, channels)), 192_000, subtype="PCM_16")
    assert refused(path, SourceOptions()).kind == "iq.header"


META = {
    "global": {"core:datatype": "ci16_le", "core:sample_rate": 1_024_000, "core:version": "1.0.0"},
    "captures": [
        {
            "core:sample_start": 0,
            "core:frequency": 99.6e6,
            "core:datetime": "2026-05-16T07:30:00.5Z",
        }
    ],
    "annotations": [],
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("called", ["band.sigmf-meta", "band.sigmf-data", "band.sigmf"])
def test_sigmf_brings_everything(opened, tmp_path, called, packer):
    iq = capture()
    (tmp_path / "band.sigmf-meta").write_text(json.dumps(META))
    data = ENCODERS["cs16"](pairs_of(iq)).tobytes()
    (tmp_path / f"band.sigmf-data{packer}").write_bytes(PACKERS[packer](data))
    source = opened(tmp_path / called, SourceOptions())
    assert (source.rate_hz, source.centre_hz) == (1_024_000, 99.6e6)
    assert next(iter(source.blocks())).time_utc == datetime(
        2026, 5, 16, 7, 30, 0, 500_000, tzinfo=UTC
    )
    source = opened(tmp_path / called, SourceOptions(centre_hz=1e8))
    assert source.centre_hz == 1e8
    np.testing.assert_allclose(joined(source), iq, rtol=0, atol=3e-5)


LATER = [
    # what the second capture says beside its place in the file, and how many samples are missing
    ({"core:global_index": 70_000}, 35_000),
    ({"core:datetime": "2026-05-16T07:30:01.0Z"}, round(0.5 * 1_024_000) - 20_000),
    # Both: the count wins, whatever the clock says.
    ({"core:global_index": 35_000, "core:datetime": "2026-05-16T07:31:00Z"}, 0),
    # A clock of whole milliseconds.
    ({"core:datetime": "2026-05-16T07:30:00.520Z"}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("later", "missing"), LATER)
def test_what_lies_between_two_captures_of_sigmf_is_missing(opened, tmp_path, later, missing):
    iq, document = capture(), json.loads(json.dumps(META))
    # The recording is a piece of a longer stream, from its sample 15000 on.
    document["captures"][0]["core:global_index"] = 15_000
    document["captures"].append({"core:sample_start": 20_000, "core:frequency": 99.6e6} | later)
    (tmp_path / "band.sigmf-meta").write_text(json.dumps(document))
    (tmp_path / "band.sigmf-data").write_bytes(ENCODERS["cs16"](pairs_of(iq)).tobytes())
    source = opened(tmp_path / "band.sigmf-meta", SourceOptions())
    got = joined(source)
    expected = np.concatenate([iq[:20_000], np.full(missing, np.nan), iq[20_000:]])
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-5)
    assert ("gap" in {note["kind"] for note in source.notes()}) == bool(missing)


@pytest.mark.parametrize("index", [19_999, 2**52])
def test_captures_of_sigmf_that_go_backwards_or_away_are_refused(tmp_path, index):
    document = json.loads(json.dumps(META))
    document["captures"][0]["core:global_index"] = 0
    document["captures"].append(
        {"core:sample_start": 20_000, "core:frequency": 99.6e6, "core:global_index": index}
    )
    (tmp_path / "band.sigmf-meta").write_text(json.dumps(document))
    (tmp_path / "band.sigmf-data").write_bytes(bytes(200_000))
    assert refused(tmp_path / "band.sigmf-meta", SourceOptions()).kind == "iq.sigmf"


def test_sigmf_without_samples_is_refused(tmp_path):
    (tmp_path / "band.sigmf-meta").write_text(json.dumps(META))
    assert refused(tmp_path / "band.sigmf-meta").kind == "iq.sigmf"


def test_the_time_of_a_block_is_that_of_its_first_sample(opened, tmp_path):
    path = tmp_path / "band.cu8"
    path.write_bytes(bytes(range(256)) * 1_000)
    blocks = list(opened(path).blocks())
    for block in blocks:
        assert (block.time_utc - EPOCH).total_seconds() == pytest.approx(block.index / RATE_HZ)
    assert opened(path).time_basis == "assumed"


@pytest.mark.parametrize(("encoding", "extra"), [("cu8", 1), ("cs16", 3), ("cf32", 7)])
def test_whole_samples_are_used_and_the_rest_is_reported(opened, tmp_path, encoding, extra):
    iq = capture(10_000)
    path = tmp_path / f"band.{encoding}"
    path.write_bytes(ENCODERS[encoding](pairs_of(iq)).tobytes() + bytes(extra))
    source = opened(path)
    assert len(joined(source)) == 10_000
    assert [note["kind"] for note in source.notes()] == ["truncated"]


@pytest.mark.parametrize("packer", [".gz", ".zst"])
def test_compressed_data_that_end_early_give_what_they_had(opened, tmp_path, packer):
    data = ENCODERS["cs16"](pairs_of(capture(100_000))).tobytes()
    path = tmp_path / f"band.cs16{packer}"
    path.write_bytes(PACKERS[packer](data)[:-100_000])
    source = opened(path)
    whole = joined(source)
    assert 1_000 < len(whole) < 100_000
    np.testing.assert_allclose(whole, capture(100_000)[: len(whole)], rtol=0, atol=3e-5)
    assert {note["kind"] for note in source.notes()} == {"truncated"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_is_a_gap(opened, tmp_path, bad):
    iq = capture(60_000)
    pairs = pairs_of(iq).copy()
    for place in (0, 2 * 30_000 + 1, 2 * 30_001, 2 * 59_999):
        pairs[place] = bad
    path = tmp_path / "band.cf32"
    path.write_bytes(pairs.tobytes())
    source = opened(path)
    found = joined(source)
    assert np.isnan(found[[0, 30_000, 30_001]]).all()
    assert len(found) == 59_999
    good = np.isfinite(found)
    assert good.sum() == 59_996
    np.testing.assert_array_equal(found[good], iq.astype(np.complex64)[:-1][good])
    assert "not_finite" in {note["kind"] for note in source.notes()}


def test_a_riddled_stretch_is_one_gap(opened, tmp_path):
    pairs = pairs_of(capture(24_000)).copy()
    pairs[10_000:30_000:10] = np.nan
    path = tmp_path / "band.cf32"
    path.write_bytes(pairs.tobytes())
    blocks = list(opened(path).blocks())
    assert [block.index for block in blocks] == [0, 14_996]
    assert blocks[1].missing_samples == 14_996 - 5_000


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("nothing.cu8", b"", "iq.empty"),
        ("one.cu8", b"\x7f", "iq.empty"),
        ("bytes.cf32", bytes(range(1, 251)) * 4_000, "iq.mislabelled"),
        ("all.cf32", np.full(50_000, np.nan, np.float32).tobytes(), "iq.mislabelled"),
        ("wave.cu8", b"RIFF1234WAVE" + bytes(1_000), "iq.mislabelled"),
        ("packed.cu8", gzip.compress(bytes(1_000), mtime=0), "iq.mislabelled"),
        ("plain.cu8.gz", bytes(1_000), "iq.mislabelled"),
        ("plain.cu8.zst", bytes(1_000), "iq.mislabelled"),
        ("noise.wav", bytes(1_000), "iq.mislabelled"),
        ("short.wav", b"RIFF\x00\x00\x00\x00WAVE", "iq.header"),
        ("what.mp3", b"ID3", "iq.format"),
        ("noending", b"abc", "iq.format"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, name, content, kind):
    path = tmp_path / name
    path.write_bytes(content)
    assert refused(path).kind == kind


def test_a_rate_is_wanted_and_must_be_possible(tmp_path):
    path = tmp_path / "band.cu8"
    path.write_bytes(bytes(1_000))
    assert refused(path, SourceOptions()).kind == "iq.rate_missing"
    for rate_hz in (0, -2_400_000, 100_000, 10**9):
        assert refused(path, SourceOptions(rate_hz=rate_hz)).kind == "iq.rate"


def test_paths_that_are_no_files(tmp_path):
    assert refused(tmp_path / "no.cu8").kind == "iq.not_found"
    (tmp_path / "folder.cu8").mkdir()
    error = refused(tmp_path / "folder.cu8")
    assert (error.kind, error.exit_code) == ("iq.unreadable", 4)


def test_close_ends_the_blocks(opened, tmp_path):
    path = tmp_path / "band.cu8"
    path.write_bytes(bytes(range(256)) * 1_000)
    source = opened(path)
    blocks = source.blocks()
    next(blocks)
    source.close()
    assert list(blocks) == []
