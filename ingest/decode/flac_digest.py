"""The MD5 that a FLAC file carries of its samples (RFC 9639, 8.2).

Each FLAC frame has a CRC-16 and the header the number of samples; the digest closes what remains: a
header whose count is too low, and a damaged frame that passes its CRC. Only for 16-bit files, whose
samples come out of the decoder as the bytes that were digested.
"""

from __future__ import annotations

import hashlib
import os

from ingest.decode.mpeg_frames import skip_tags

_STREAMINFO_BYTES = 42


class FlacDigest:
    """Sums up samples and compares them with the digest of the header."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted
        self._sum = hashlib.md5(usedforsecurity=False)

    def update(self, samples: memoryview) -> None:
        """Add interleaved little-endian int16 samples."""
        self._sum.update(samples)

    def agrees(self) -> bool:
        """Whether all samples so far are those of the header."""
        return self._sum.digest() == self._wanted


def flac_digest(descriptor: int) -> FlacDigest | None:
    """Return the digest to check, None where the file states none (all zeros)."""
    start = skip_tags(descriptor, 0, os.fstat(descriptor).st_size)
    head = os.pread(descriptor, _STREAMINFO_BYTES, start)
    wanted = head[26:42]
    if head[4:5] not in {b"\x00", b"\x80"} or len(wanted) < 16 or not any(wanted):
        return None
    return FlacDigest(wanted)
