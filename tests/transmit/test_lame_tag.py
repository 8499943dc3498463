"""The Info frame: known bytes, and its checksum against a twin that shifts bit by bit."""

import pytest

from transmit.codecs.lame_tag import Mp3Stream, frame_bytes, info_frame, samples_per_frame

MONO_24K_64 = bytes.fromhex("fff384c4")  # MPEG-2 layer III, 64 kbit/s, 24 kHz, mono
MONO_48K_64 = bytes.fromhex("fffb54c4")  # MPEG-1 layer III, 64 kbit/s, 48 kHz, mono
STEREO_48K_96 = bytes.fromhex("fffb7444")  # joint stereo


def crc16(content):
    """CRC-16/ARC, most significant bit of the reversed register first: the slow way round."""
    register = 0
    for byte in content:
        for bit in range(8):
            feedback = (register ^ byte >> bit) & 1
            register >>= 1
            if feedback:
                register ^= 0xA001
    return register


def test_the_checksum_twin_has_its_known_answer():
    assert crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize(
    ("header", "samples", "length"),
    [(MONO_24K_64, 576, 192), (MONO_48K_64, 1152, 192), (STEREO_48K_96, 1152, 288)],
)
def test_frames_are_as_long_as_the_standard_says(header, samples, length):
    """ISO/IEC 11172-3, 2.4.3.1: samples / 8 × bit rate / sample rate."""
    assert samples_per_frame(header) == samples
    assert frame_bytes(header) == length


@pytest.mark.parametrize("header", [MONO_24K_64, MONO_48K_64, STEREO_48K_96])
def test_the_tag_says_delay_padding_and_sizes(header):
    samples = 100 * samples_per_frame(header) - 576 - 700
    frame = info_frame(Mp3Stream(header, 100, 19_200, 64), samples)
    tag = frame.index(b"Info")
    assert int.from_bytes(frame[tag + 8 : tag + 12], "big") == 100
    assert int.from_bytes(frame[tag + 12 : tag + 16], "big") == 19_200 + len(frame)
    delay_and_padding = int.from_bytes(frame[tag + 141 : tag + 144], "big")
    assert divmod(delay_and_padding, 1 << 12) == (576, 700)
    end = tag + 154
    assert int.from_bytes(frame[end : end + 2], "big") == crc16(frame[:end])
    assert len(frame) == frame_bytes(frame[:4])


def test_a_programme_that_does_not_fit_its_frames_is_our_bug():
    with pytest.raises(ValueError, match="samples: expected"):
        info_frame(Mp3Stream(MONO_24K_64, 10, 1_920, 64), 10 * 576)
