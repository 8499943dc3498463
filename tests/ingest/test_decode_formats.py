"""Good files of every kind come out whole, at their rate, in their own sample format."""

import numpy as np
import pytest
import soundfile

from dsp.errors import Refusal
from ingest.decode.decoder import DecodeLimits, Decoder
from tests.ingest.decode_samples import (
    as_int16,
    make_all,
    read_all,
    tone,
    with_ffmpeg,
    with_sndfile,
)

# name: codec, rate, sample format, frames. ADTS keeps the encoder's priming (1024) and fills its
# last frame; all the other containers say what to trim.
EXPECTED = {
    "wav": ("pcm_16", 8_000, "int16", 600),
    "wav24": ("pcm_24", 8_000, "float32", 600),
    "rf64": ("pcm_16", 8_000, "int16", 600),
    "w64": ("pcm_16", 8_000, "int16", 600),
    "aiff": ("pcm_16", 8_000, "int16", 600),
    "flac": ("flac", 8_000, "int16", 600),
    "vorbis": ("vorbis", 8_000, "float32", 600),
    "opus": ("opus", 48_000, "float32", 2_000),
    "mp3": ("mp3", 16_000, "float32", 3_000),
    "aac": ("aac", 16_000, "float32", 4_096),
    # 187.5 ms of sound; the edit list counts whole milliseconds.
    "m4a": ("aac", 16_000, "float32", 3_008),
    "g722": ("g722", 16_000, "int16", 1_600),
    "ulaw": ("ulaw", 8_000, "int16", 600),
    "alaw": ("alaw", 8_000, "int16", 600),
}
LOSSLESS = ("wav", "rf64", "w64", "aiff", "flac")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return {format name: path of a small good file}."""
    return make_all(tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("name", EXPECTED)
def test_length_and_format(decoder, files, name):
    got, found = read_all(decoder, files[name])
    codec, rate_hz, sample_format, frames = EXPECTED[name]
    assert (found.codec, found.sample_rate_hz, found.sample_format) == (
        codec,
        rate_hz,
        sample_format,
    )
    assert got.shape == (frames, 1)
    assert got.dtype == np.dtype(sample_format)


@pytest.mark.parametrize("name", LOSSLESS)
def test_sixteen_bits_come_out_untouched(decoder, files, name):
    got, _ = read_all(decoder, files[name])
    np.testing.assert_array_equal(got, as_int16(tone()))


@pytest.mark.parametrize("name", ["opus", "mp3", "m4a", "vorbis", "g722", "ulaw", "alaw"])
def test_encoder_delay_is_trimmed(decoder, files, name):
    """The best alignment with the source is a shift of 0 (a raw G.722 codec has 22 samples)."""
    got, found = read_all(decoder, files[name])
    scale = 32768 if found.sample_format == "int16" else 1
    sound = got[:, 0].astype(np.float64) / scale
    source = tone(len(sound), rate_hz=found.sample_rate_hz)[:, 0].astype(np.float64)
    inner = slice(100, len(sound) - 100)
    fits = {k: float(np.dot(source[inner], np.roll(sound, -k)[inner])) for k in range(-24, 25)}
    assert max(fits, key=fits.get) in ({0} if name != "g722" else range(18, 25))


def test_blocks_are_contiguous_and_hold_all_channels(decoder, tmp_path):
    source = as_int16(tone(200_000, 6, 48_000))
    path = with_sndfile(tmp_path / "surround.wav", source, 48_000)
    with decoder.open(path) as audio:
        sizes, position = [], 0
        for block in audio.blocks():
            assert block.flags.c_contiguous
            np.testing.assert_array_equal(block, source[position : position + len(block)])
            position += len(block)
            sizes.append(len(block))
    assert position == 200_000
    assert len(sizes) > 1


@pytest.mark.parametrize("codec", ["mp3", "adts", "ipod"])
def test_stereo_stays_left_and_right(decoder, tmp_path, codec):
    silent_right = tone(20_000, 2, 48_000) * np.array([1, 0], np.float32)
    encoder = "libmp3lame" if codec == "mp3" else "aac"
    name = {"mp3": "a.mp3", "adts": "a.aac", "ipod": "a.m4a"}[codec]
    path = with_ffmpeg(tmp_path / name, silent_right, 48_000, encoder, muxer=codec)
    got, _ = read_all(decoder, path)
    left, right = np.sqrt(np.mean(np.square(got, dtype=np.float64), axis=0))
    assert left > 0.2
    assert right < 0.01 * left


@pytest.mark.parametrize("rate_hz", [8_000, 192_000])
@pytest.mark.parametrize("frames", [1, 2])
def test_shortest_files_at_the_outer_rates(decoder, tmp_path, rate_hz, frames):
    path = with_sndfile(tmp_path / "short.wav", as_int16(tone(frames, 2)), rate_hz)
    got, found = read_all(decoder, path)
    assert got.shape == (frames, 2)
    assert found.sample_rate_hz == rate_hz


def test_eight_bits(decoder, tmp_path):
    path = with_sndfile(tmp_path / "eight.wav", tone(), subtype="PCM_U8")
    got, found = read_all(decoder, path)
    assert found.sample_format == "int16"
    np.testing.assert_allclose(got / 32768, tone(), atol=1 / 128)


def test_not_a_number_and_infinity_pass_through(decoder, tmp_path):
    source = tone(50)
    source[7], source[8], source[9] = np.nan, np.inf, -np.inf
    path = with_sndfile(tmp_path / "wild.wav", source, subtype="FLOAT")
    got, _ = read_all(decoder, path)
    np.testing.assert_array_equal(got, source)


def test_a_file_from_a_pipe_has_no_length_and_is_taken_to_its_end(decoder, files, tmp_path):
    data = bytearray(files["wav"].read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "pipe.wav"
    path.write_bytes(data)
    got, _ = read_all(decoder, path)
    np.testing.assert_array_equal(got, as_int16(tone()))


def test_tags_around_an_mp3_are_no_sound(decoder, files, tmp_path):
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    path = tmp_path / "tagged.mp3"
    path.write_bytes(tag + files["mp3"].read_bytes() + b"TAG" + bytes(125))
    got, _ = read_all(decoder, path)
    np.testing.assert_array_equal(got, read_all(decoder, files["mp3"])[0])


def test_the_name_says_nothing(decoder, files, tmp_path):
    path = tmp_path / "really-flac.mp3"
    path.write_bytes(files["flac"].read_bytes())
    assert read_all(decoder, path)[1].container == "flac"


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (DecodeLimits(max_channels=1), "audio.too_many_channels"),
        (DecodeLimits(min_sample_rate_hz=16_000), "audio.sample_rate"),
        (DecodeLimits(max_sample_rate_hz=7_999), "audio.sample_rate"),
        (DecodeLimits(max_duration_s=0.07), "audio.too_long"),
        (DecodeLimits(max_bytes=2_399), "audio.too_costly"),
    ],
)
def test_limits_refuse(tmp_path, limits, kind):
    path = with_sndfile(tmp_path / "a.wav", as_int16(tone(600, 2)))
    with Decoder(limits) as strict, pytest.raises(Refusal) as caught:
        read_all(strict, path)
    assert caught.value.kind == kind


def test_limits_admit_what_just_fits(tmp_path):
    path = with_sndfile(tmp_path / "a.wav", as_int16(tone(600, 2)))
    limits = DecodeLimits(
        max_channels=2,
        min_sample_rate_hz=8_000,
        max_sample_rate_hz=8_000,
        max_duration_s=0.075,
        max_bytes=2_400,
    )
    with Decoder(limits) as strict:
        assert read_all(strict, path)[0].shape == (600, 2)


def test_a_flac_bomb_stops_at_the_limit(tmp_path):
    """Ten minutes of silence in some kB; its header hides the length (0 = unknown)."""
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 48_000, 2, subtype="PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros((480_000, 2), np.int16))
    data = bytearray(path.read_bytes())
    assert len(data) * 500 < 28_800_000 * 4
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with Decoder(DecodeLimits(max_duration_s=60.0)) as strict, pytest.raises(Refusal) as caught:
        read_all(strict, path)
    assert caught.value.kind in {"audio.too_long", "audio.damaged"}


def test_limits_that_let_nothing_through_are_a_mistake():
    with pytest.raises(ValueError, match="max_channels: expected more than 0, got 0"):
        DecodeLimits(max_channels=0)
