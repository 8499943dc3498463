"""WAV headers: read back by libsndfile, and RF64 beyond 4 GiB without writing 4 GiB."""

import struct

import numpy as np
import pytest
import soundfile

from transmit.wav import HEADER_BYTES, WavWriter, wav_header

FRAMES_BEYOND_32_BITS = 3_000_000_000


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("pieces", [[0], [1], [5, 0, 7], [4_096, 4_096]])
def test_read_back(tmp_path, channels, pieces):
    path = tmp_path / "a.wav"
    frames = np.random.default_rng(1).integers(-32768, 32768, (sum(pieces), channels), np.int16)
    with path.open("wb") as file:
        writer = WavWriter(file, 24_000, channels)
        for piece in np.split(frames, np.cumsum(pieces)[:-1]):
            writer.write(piece)
        writer.finish()
    samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate_hz == 24_000
    np.testing.assert_array_equal(samples, frames)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [0, 1, 4_096])
def test_24_bits_read_back(tmp_path, channels, frames):
    path = tmp_path / "a.wav"
    high = 2**23
    samples = np.random.default_rng(1).integers(-high, high, (frames, channels), np.int32)
    with path.open("wb") as file:
        writer = WavWriter(file, 192_000, channels, bits=24)
        writer.write(samples[: frames // 3])
        writer.write(samples[frames // 3 :])
        writer.finish()
    assert path.stat().st_size == HEADER_BYTES + -(-3 * channels * frames // 2) * 2
    read, rate_hz = soundfile.read(path, dtype="int32", always_2d=True)
    assert rate_hz == 192_000
    np.testing.assert_array_equal(read >> 8, samples)  # libsndfile scales to 32 bits


def test_sizes_that_32_bits_hold():
    header = wav_header(48_000, 2, 1_000)
    assert len(header) == HEADER_BYTES
    assert struct.unpack_from("<I", header, 4)[0] == HEADER_BYTES - 8 + 4_000
    assert struct.unpack_from("<I", header, HEADER_BYTES - 4)[0] == 4_000


def test_beyond_32_bits_it_is_rf64():
    """EBU Tech 3306: the 32-bit sizes are all ones, ds64 holds RIFF size, data size and frames."""
    header = wav_header(48_000, 2, FRAMES_BEYOND_32_BITS)
    assert len(header) == HEADER_BYTES
    assert (header[:4], header[8:16]) == (b"RF64", b"WAVEds64")
    assert struct.unpack_from("<I", header, 4)[0] == 0xFFFFFFFF
    assert struct.unpack_from("<I", header, HEADER_BYTES - 4)[0] == 0xFFFFFFFF
    riff_bytes, data_bytes, frames = struct.unpack_from("<QQQ", header, 20)
    assert data_bytes == 4 * FRAMES_BEYOND_32_BITS
    assert riff_bytes == HEADER_BYTES - 8 + data_bytes
    assert frames == FRAMES_BEYOND_32_BITS


def test_rf64_is_read_with_its_length(tmp_path):
    """A sparse file of 6 GB: libsndfile must find every frame of it."""
    path = tmp_path / "long.wav"
    frames = FRAMES_BEYOND_32_BITS // 2 * 2
    with path.open("wb") as file:
        file.write(wav_header(48_000, 1, frames))
        file.truncate(HEADER_BYTES + 2 * frames)
    assert soundfile.info(path).frames == frames
