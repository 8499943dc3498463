"""16- and 24-bit WAV, written block by block; RF64 where 32-bit sizes do not reach (EBU Tech 3306).

A JUNK chunk keeps the place of RF64's ds64 chunk, so that a programme need not say beforehand how
long it is: its header is written when it ends. No time stamp and no tag: equal audio is an equal
file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

HEADER_BYTES = 12 + 36 + 24 + 8
_MOST_32_BITS = 0xFFFFFFFF


def wav_header(sample_rate_hz: int, channels: int, frames: int, *, bits: int = 16) -> bytes:
    """Return the `HEADER_BYTES` in front of `frames` frames of 16 or 24 bits."""
    width = bits // 8 * channels
    data_bytes = frames * width
    riff_bytes = HEADER_BYTES - 8 + data_bytes + data_bytes % 2
    form = struct.pack("<HHIIHH", 1, channels, sample_rate_hz, sample_rate_hz * width, width, bits)
    if riff_bytes <= _MOST_32_BITS:
        head = struct.pack("<4sI4s4sI28x", b"RIFF", riff_bytes, b"WAVE", b"JUNK", 28)
        data = struct.pack("<4sI", b"data", data_bytes)
    else:
        head = struct.pack("<4sI4s4sI", b"RF64", _MOST_32_BITS, b"WAVE", b"ds64", 28)
        head += struct.pack("<QQQI", riff_bytes, data_bytes, frames, 0)
        data = struct.pack("<4sI", b"data", _MOST_32_BITS)
    return head + struct.pack("<4sI", b"fmt ", 16) + form + data


class WavWriter:
    """Writes frames to `file` (binary, seekable); `finish` completes the header."""

    def __init__(
        self, file: BinaryIO, sample_rate_hz: int, channels: int, *, bits: Literal[16, 24] = 16
    ) -> None:
        self._file = file
        self._sample_rate_hz = sample_rate_hz
        self._channels = channels
        self._bits = bits
        self.frames = 0
        file.write(wav_header(sample_rate_hz, channels, 0, bits=bits))

    def write(self, frames: npt.NDArray[np.int16] | npt.NDArray[np.int32]) -> None:
        """Append (n, channels) frames: int16, or int32 within ±2^23 for 24 bits."""
        if self._bits == 16:
            data = np.ascontiguousarray(frames, "<i2")
        else:
            whole = np.ascontiguousarray(frames, "<i4").view(np.uint8)
            # The lowest three of the four little-endian bytes.
            data = np.ascontiguousarray(whole.reshape(-1, 4)[:, :3])
        self._file.write(data.data)
        self.frames += len(frames)

    def finish(self) -> None:
        """Write the sizes; the file is complete then."""
        if self.frames * self._channels * (self._bits // 8) % 2:
            self._file.write(b"\0")  # chunks are of even length; not counted in the chunk's size
        self._file.seek(0)
        header = wav_header(self._sample_rate_hz, self._channels, self.frames, bits=self._bits)
        self._file.write(header)
