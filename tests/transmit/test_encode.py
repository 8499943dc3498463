"""Every codec: exact length, no shift, the same bytes on every run, one line on a full disk."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.errors import Refusal
from tests.transmit.decoded import decoded, lag_samples, programme, to_rate
from transmit.codecs import lame_tag
from transmit.codecs.setting import CODECS, setting_for
from transmit.encode import encode

RATE_HZ = 24_000
EXTENSIONS = tuple(CODECS)
EXACT = tuple(e for e in EXTENSIONS if e not in (".aac", ".g722"))


def write(path, frames, rate_hz=RATE_HZ, *, pieces=3_000, trim_db=0.0):
    setting = setting_for(path, rate_hz, frames.shape[1])
    blocks = (frames[n : n + pieces] for n in range(0, len(frames), pieces))
    return encode(blocks, (rate_hz, frames.shape[1]), path, setting, trim_db=trim_db)


@pytest.mark.parametrize("extension", EXACT)
@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 48_000])
@pytest.mark.parametrize("frames", [60, 5_000, 24_001])
def test_decoded_length_is_exact(tmp_path, extension, rate_hz, frames):
    path = tmp_path / f"out{extension}"
    encoded = write(path, programme(frames, 1, rate_hz), rate_hz)
    samples, decoded_hz = decoded(path)
    assert len(samples) == round(encoded.frames * decoded_hz / encoded.setting.sample_rate_hz)
    assert abs(len(samples) / decoded_hz - frames / rate_hz) <= 0.5 / min(
        rate_hz, encoded.setting.sample_rate_hz
    )


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("channels", [1, 2])
def test_decoded_audio_is_where_it_was(tmp_path, extension, channels):
    path = tmp_path / f"out{extension}"
    frames = programme(36_000, channels, RATE_HZ)
    encoded = write(path, frames)
    samples, decoded_hz = decoded(path)
    wanted = to_rate(frames.mean(axis=1), RATE_HZ, decoded_hz)
    late = lag_samples(wanted, samples.mean(axis=1))
    assert late == encoded.delay_samples * decoded_hz // encoded.setting.sample_rate_hz


def test_g722_fills_up_its_last_byte_only(tmp_path):
    encoded = write(tmp_path / "out.g722", programme(24_001, 1, RATE_HZ))
    samples, _ = decoded(tmp_path / "out.g722")
    assert encoded.frames == 16_001
    assert len(samples) == 16_002  # two samples make a byte


def test_every_mp3_frame_holds_the_bits_it_speaks_of(tmp_path):
    """ISO/IEC 13818-3, 2.4.1.7: no frame looks further back than there are bytes, or ahead.

    A decoder that finds otherwise drops the frame ("part2_3_length too large").
    """
    rng = np.random.default_rng(7)
    frames = programme(3 * RATE_HZ, 1, RATE_HZ)
    frames[::1_700] += rng.uniform(-0.5, 0.5, (len(frames[::1_700]), 1)).astype(np.float32)
    path = tmp_path / "out.mp3"
    write(path, frames)
    stream = path.read_bytes()
    at = lame_tag.info_frame_bytes(stream[:4])
    saved, count = 0, 0
    while at < len(stream):
        frame = stream[at : at + lame_tag.frame_bytes(stream[at : at + 4])]
        side = int.from_bytes(frame[4:13], "big")  # mono: 9 bytes, of them 8 + 1 + 12 bits here
        back, bits = side >> 64, side >> 51 & 0xFFF
        room = len(frame) - 13
        assert back <= saved
        assert bits <= 8 * (back + room)
        saved = min(saved + room, 255)  # eight bits reach no further
        at += len(frame)
        count += 1
    assert at == len(stream)
    assert count >= 3 * RATE_HZ // 576


@pytest.mark.parametrize("channels", [1, 2])
def test_same_bytes_on_every_run_cut_anywhere_and_in_threads(tmp_path, channels):
    frames = programme(24_001, channels, RATE_HZ)

    def digest(job):
        number, pieces, extension = job
        return write(tmp_path / f"{number}{extension}", frames, pieces=pieces).sha256

    alone = [digest((0, 24_001, extension)) for extension in EXTENSIONS]
    jobs = [(n, 1_000 * n + 17, extension) for n in (1, 2, 3) for extension in EXTENSIONS]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(digest, jobs)) == alone * 3


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_trim_lowers_the_level_by_as_much(tmp_path, extension):
    frames = programme(48_000, 1, RATE_HZ)
    level = []
    for trim_db in (0.0, -6.0):
        path = tmp_path / f"{-trim_db:.0f}{extension}"
        write(path, frames, trim_db=trim_db)
        level.append(10 * np.log10(np.mean(decoded(path)[0].astype(float) ** 2)))
    assert level[1] - level[0] == pytest.approx(-6.0, abs=0.3)


@pytest.mark.parametrize("extension", [".wav", ".flac"])
def test_lossless_is_the_master_within_its_dither(tmp_path, extension):
    path = tmp_path / f"out{extension}"
    frames = programme(10_000, 2, RATE_HZ)
    write(path, frames)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.abs(samples - frames).max() <= 1.5 / 32768
    assert soundfile.info(path).subtype == "PCM_16"


def test_both_lossless_formats_hold_the_same_samples(tmp_path):
    frames = programme(10_000, 2, RATE_HZ)
    both = []
    for extension in (".wav", ".flac"):
        write(tmp_path / f"out{extension}", frames)
        both.append(soundfile.read(tmp_path / f"out{extension}", dtype="int16")[0])
    np.testing.assert_array_equal(*both)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_no_version_of_ffmpeg_in_the_file(tmp_path, extension):
    path = tmp_path / f"out{extension}"
    write(path, programme(5_000, 1, RATE_HZ))
    content = path.read_bytes()
    assert b"Lavf" not in content
    assert b"Lavc" not in content


def test_unknown_extension_is_refused_with_the_list(tmp_path):
    with pytest.raises(Refusal) as refused:
        setting_for(tmp_path / "out.wma", RATE_HZ, 1)
    assert refused.value.kind == "output.extension"
    assert ".opus" in refused.value.expected


@pytest.mark.parametrize(
    ("extension", "rate_hz", "expected_hz"),
    [(".opus", 44_100, 48_000), (".opus", 32_000, 48_000), (".mp3", 44_100, 44_100),
     (".mp3", 96_000, 48_000), (".ulaw", 48_000, 8_000), (".wav", 96_000, 96_000)],
)  # fmt: skip
def test_rate_is_the_lowest_that_loses_nothing(tmp_path, extension, rate_hz, expected_hz):
    assert setting_for(tmp_path / f"x{extension}", rate_hz, 1).sample_rate_hz == expected_hz


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_full_disk_is_one_line(extension):
    """/dev/full takes nothing: what is written comes back as ENOSPC."""
    path = Path("/dev/full")
    setting = setting_for(Path(f"out{extension}"), RATE_HZ, 1)
    with pytest.raises(Refusal) as refused:
        encode([programme(240_000, 1, RATE_HZ)], (RATE_HZ, 1), path, setting)
    assert refused.value.exit_code == 4
    assert refused.value.kind == "output.disk_full"
    assert "\n" not in str(refused.value)
