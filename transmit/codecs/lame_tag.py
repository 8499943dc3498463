"""The Info frame in front of an MP3: how long the programme really is, to the sample.

LAME's MP3 begins 576 samples late and ends with what fills its last frame; the decoder adds 529
(a filter bank and a half). The "LAME tag" in a first, silent frame states the encoder's delay and
padding, and every player in use trims by it. (Layout: Xing header, then the LAME tag, revision 1.)
`lameenc` leaves this frame out, so we write it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ENCODER_DELAY_SAMPLES = 576
DECODER_DELAY_SAMPLES = 529
_FLAGS_FRAMES_BYTES_TOC_QUALITY = 0xF
_VERSION = b"LAME3.100"
_MPEG1 = 3
# Index of the bit rate that makes a frame big enough for the tag at every rate and channel count.
_KBPS_MPEG1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_TAG_BYTES = 120 + 36  # from "Info" to the checksum


@dataclass(frozen=True)
class Mp3Stream:
    """What is known of an MP3 when it is finished: the frames behind the Info frame."""

    header: bytes
    frames: int
    length_bytes: int
    kbps: int


def samples_per_frame(header: bytes) -> int:
    """Return 1152 for MPEG-1 layer III, 576 for the lower rates."""
    return 1152 if header[1] >> 3 & 3 == _MPEG1 else 576


def frame_bytes(header: bytes) -> int:
    """Return the length of the frame with this 4-byte `header`, as LAME writes them."""
    index, padding = header[2] >> 4, header[2] >> 1 & 1
    return _length(header, index) + padding


def info_frame_bytes(header: bytes) -> int:
    """Return the length of the Info frame for a stream of frames with this 4-byte `header`."""
    return _chosen(header)[1]


def info_frame(stream: Mp3Stream, samples: int) -> bytes:
    """Return the Info frame for a programme of `samples` samples per channel.

    Raises
    ------
    ValueError
        Where the frames cannot hold the programme.
    """
    padding = stream.frames * samples_per_frame(stream.header) - ENCODER_DELAY_SAMPLES - samples
    if not 0 <= padding < 1 << 12:
        raise ValueError(f"samples: expected what {stream.frames} frames hold, got {samples}")
    index, length = _chosen(stream.header)
    head = stream.header[:2] + bytes([index << 4 | stream.header[2] & 0x0C, stream.header[3]])
    frame = bytearray(head + bytes(_side_info_bytes(stream.header)))
    total = length + stream.length_bytes
    frame += struct.pack(">4sIII", b"Info", _FLAGS_FRAMES_BYTES_TOC_QUALITY, stream.frames, total)
    frame += bytes(256 * i // 100 for i in range(100))  # constant bit rate: a straight line
    frame += struct.pack(">I", 0)  # quality: not told
    frame += _VERSION + bytes([0x01, 0x00]) + bytes(8) + bytes([0x00, min(stream.kbps, 255)])
    frame += (ENCODER_DELAY_SAMPLES << 12 | padding).to_bytes(3, "big") + bytes(4)
    frame += struct.pack(">IH", total, 0)
    frame += struct.pack(">H", _crc16(frame))
    return bytes(frame).ljust(length, b"\0")


def _chosen(header: bytes) -> tuple[int, int]:
    """Return bit rate index and length of the smallest frame that the tag fits into."""
    needed = 4 + _side_info_bytes(header) + _TAG_BYTES
    lengths = ((index, _length(header, index)) for index in range(1, 15))
    return next(pair for pair in lengths if pair[1] >= needed)


def _length(header: bytes, index: int) -> int:
    """Length of a frame like `header` with bit rate `index` 1..14 and without a padding byte."""
    version, rate_index = header[1] >> 3 & 3, header[2] >> 2 & 3
    kbps = (_KBPS_MPEG1 if version == _MPEG1 else _KBPS_MPEG2)[index - 1]
    return samples_per_frame(header) // 8 * 1000 * kbps // _RATES_HZ[version][rate_index]


def _side_info_bytes(header: bytes) -> int:
    mono = header[3] >> 6 == 3
    if header[1] >> 3 & 3 == _MPEG1:
        return 17 if mono else 32
    return 9 if mono else 17


def _crc16(content: bytes | bytearray) -> int:
    """CRC-16 of the tag: polynomial x^16 + x^15 + x^2 + 1, bits reflected, from 0."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
