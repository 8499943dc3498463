"""Broken and hostile files: a typed refusal or a correct result, and the decoder lives on."""

import os
import shutil

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.decode.refusals import KINDS
from tests.ingest.decode_samples import as_int16, make_all, read_all, tone, with_ffmpeg

FORMATS = (
    *("wav", "wav24", "rf64", "w64", "aiff", "flac", "vorbis", "opus"),
    *("mp3", "aac", "m4a", "g722", "ulaw", "alaw"),
)
# Headerless, or a chain of frames: a cut between two of them leaves a shorter, whole file.
MAY_BE_SHORTER = {"aac", "g722", "ulaw", "alaw"}
# Formats in which every byte of sound stands under a checksum or length.
CHECKED = {"flac", "vorbis", "opus"}


def attempt(decoder, path):
    """Return the samples, or the refusal after checking that it is a good one."""
    try:
        return read_all(decoder, path)[0]
    except Refusal as caught:
        refusal = caught
    assert refusal.kind in KINDS
    assert refusal.kind != "audio.decoder_crashed", refusal
    assert refusal.expected
    assert refusal.got
    assert refusal.advice
    assert "\n" not in str(refusal)
    return refusal


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return {format name: path of a small good file}."""
    return make_all(tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("name", FORMATS)
def test_cut_at_every_byte(decoder, files, tmp_path, name):
    path = tmp_path / files[name].name
    shutil.copy(files[name], path)
    whole, _ = read_all(decoder, path)
    refused = 0
    for size in range(path.stat().st_size - 1, -1, -1):
        os.truncate(path, size)
        got = attempt(decoder, path)
        if isinstance(got, Refusal):
            refused += 1
            continue
        assert name in MAY_BE_SHORTER or len(got) == len(whole), f"{size} bytes"
        np.testing.assert_array_equal(got, whole[: len(got)], err_msg=f"{size} bytes")
    assert refused > 0


@pytest.mark.parametrize("name", FORMATS)
def test_flipped_bits(decoder, files, tmp_path, name):
    """150 seeded single bits: refused, or finite sound in whatever format remains."""
    data = files[name].read_bytes()
    path = tmp_path / files[name].name
    whole, _ = read_all(decoder, files[name])
    for bit in np.random.default_rng(5).integers(0, len(data) * 8, 150):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(broken)
        got = attempt(decoder, path)
        if isinstance(got, Refusal):
            continue
        assert np.isfinite(got).all() or name == "wav24"
        if name in CHECKED and bit >= 8 * 200:
            np.testing.assert_array_equal(got, whole)


STRANGERS = {
    "text.mp3": b"Kinh thua ba con, day la thong bao cua xa.\n" * 40,
    "vietnamese.mp3": "Kính thưa bà con, đây là thông báo của xã.\n".encode() * 40,
    "hls.mp3": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n",
    "hls.m4a": b"#EXTM3U\nfile:///etc/passwd\n",
    "concat.wav": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "list.pls": b"[playlist]\nFile1=/etc/passwd\n",
    "page.mp3": b"<!DOCTYPE html><html>503</html>",
    "smil.aac": b"<?xml version='1.0'?><smil><audio src='http://127.0.0.1/'/></smil>",
    "zip.wav": b"PK\x03\x04" + bytes(200),
    "zeros.mp3": bytes(4_000),
    "one.wav": b"R",
    "spoken.ulaw": b"this is a text and no sound at all",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_audio_is_refused_by_content(decoder, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(STRANGERS[name])
    with pytest.raises(Refusal) as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.not_audio"


def test_random_bytes(decoder, tmp_path):
    path = tmp_path / "noise.mp3"
    for seed in range(60):
        path.write_bytes(np.random.default_rng(seed).bytes(3_000))
        assert isinstance(attempt(decoder, path), Refusal)


def test_zero_length(decoder, tmp_path):
    for name in ("a.wav", "a.mp3", "a.g722"):
        path = tmp_path / name
        path.touch()
        with pytest.raises(Refusal) as caught:
            decoder.open(path)
        assert caught.value.kind == "audio.empty"


def patched(source, target, marker, skip, new):
    """Write a copy with `new` at `skip` bytes behind `marker`."""
    data = bytearray(source.read_bytes())
    at = data.index(marker) + skip
    data[at : at + len(new)] = new
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(
    ("name", "marker", "patch", "kind"),
    [
        ("wav", b"data", (4, (99_999).to_bytes(4, "little")), "audio.truncated"),
        ("wav", b"data", (4, bytes(4)), "audio.truncated"),
        ("wav", b"fmt ", (10, (7).to_bytes(2, "little")), "audio.damaged"),
        ("wav", b"fmt ", (12, (1_000).to_bytes(4, "little")), "audio.sample_rate"),
        ("wav", b"fmt ", (12, (0).to_bytes(4, "little")), "audio.damaged"),
        ("wav", b"fmt ", (8, (0x55AA).to_bytes(2, "little")), "audio.damaged"),
        ("flac", b"fLaC", (22, (9_999).to_bytes(4, "big")), "audio.truncated"),
        ("flac", b"fLaC", (22, (100).to_bytes(4, "big")), "audio.damaged"),
        ("flac", b"fLaC", (26, bytes(range(1, 17))), "audio.damaged"),
        ("m4a", b"moov", (0, b"free"), "audio.truncated"),
        ("opus", b"OpusHead", (9, b"\xff"), "audio.damaged"),
    ],
)
def test_headers_that_lie(decoder, files, tmp_path, name, marker, patch, kind):
    path = patched(files[name], tmp_path / files[name].name, marker, *patch)
    got = attempt(decoder, path)
    assert isinstance(got, Refusal)
    assert got.kind == kind


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in {"g722", "ulaw", "alaw"}])
def test_a_broken_upload_is_called_truncated(decoder, files, tmp_path, name):
    path = tmp_path / files[name].name
    data = files[name].read_bytes()
    path.write_bytes(data[: len(data) * 7 // 8])
    got = attempt(decoder, path)
    assert isinstance(got, Refusal)
    assert got.kind == "audio.truncated"


@pytest.mark.parametrize("name", ["aac", "m4a"])
def test_the_structure_tells_a_missing_end(decoder, files, tmp_path, name):
    path = tmp_path / files[name].name
    path.write_bytes(files[name].read_bytes()[:-5])
    with pytest.raises(Refusal, match="complete"):
        decoder.open(path)


def test_a_changed_bit_within_an_ogg_page_is_noticed(decoder, tmp_path):
    """Five seconds of Opus are several pages; the decoder alone would play on with a gap."""
    sound = tone(240_000, rate_hz=48_000)
    path = with_ffmpeg(tmp_path / "a.opus", sound, 48_000, "libopus", muxer="ogg")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refusal, match="wrong one at") as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.damaged"


def test_an_ogg_file_cut_between_two_pages_is_noticed(decoder, tmp_path):
    sound = tone(240_000, rate_hz=48_000)
    path = with_ffmpeg(tmp_path / "a.opus", sound, 48_000, "libopus", muxer="ogg")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"OggS")])
    with pytest.raises(Refusal) as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.truncated"


def test_a_cut_file_says_how_much_of_it_there_is(decoder, files, tmp_path):
    path = tmp_path / "half.wav"
    data = files["wav"].read_bytes()
    path.write_bytes(data[: len(data) - 600])
    with pytest.raises(Refusal, match=r"expected 0.075 s of sound, got 0.037 s of it"):
        decoder.open(path)


def test_bytes_missing_inside_an_mp3_are_noticed(decoder, files, tmp_path):
    data = files["mp3"].read_bytes()
    path = tmp_path / "hole.mp3"
    path.write_bytes(data[:700] + data[760:])
    got = attempt(decoder, path)
    assert isinstance(got, Refusal)
    assert got.kind in {"audio.damaged", "audio.truncated"}


def test_a_missing_ogg_page_is_noticed(decoder, files, tmp_path):
    data = files["vorbis"].read_bytes()
    second = data.index(b"OggS", 4)
    third = data.index(b"OggS", second + 4)
    path = tmp_path / "page.ogg"
    path.write_bytes(data[:second] + data[third:])
    with pytest.raises(Refusal) as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.damaged"


def test_paths_that_are_no_files(decoder, tmp_path):
    fifo = tmp_path / "pipe.wav"
    os.mkfifo(fifo)
    kinds = {}
    for path in (tmp_path / "absent.wav", tmp_path, fifo, tmp_path / "nul\0.wav"):
        with pytest.raises(Refusal) as caught:
            decoder.open(path)
        kinds[path.name] = (caught.value.kind, caught.value.exit_code)
    assert kinds["absent.wav"] == ("file.not_found", 2)
    assert kinds[tmp_path.name] == ("file.not_a_file", 2)
    assert kinds["pipe.wav"] == ("file.not_a_file", 2)
    assert kinds["nul\0.wav"] == ("file.unreadable", 4)


def test_the_decoder_lives_on_after_refusals(decoder, files, tmp_path):
    path = tmp_path / "t.mp3"
    path.write_bytes(b"nothing")
    for _ in range(3):
        with pytest.raises(Refusal):
            decoder.open(path)
        np.testing.assert_array_equal(read_all(decoder, files["wav"])[0], as_int16(tone()))
