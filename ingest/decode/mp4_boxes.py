"""The outermost boxes of an MP4 file (ISO/IEC 14496-12, 4.2) must fill the file.

An MP4 without its tables (`moov`, often written last) cannot be played at all, and one whose sound
(`mdat`) runs beyond the end of the file was cut off. How many samples come out is checked against
the tables at the end of decoding (`source_av.py`).
"""

from __future__ import annotations

import os

from ingest.decode import refusals

_BOXES_AT_MOST = 100_000


def require_whole(descriptor: int) -> None:
    """Walk the boxes; raise Refusal (audio.truncated or audio.damaged)."""
    size, position, names = os.fstat(descriptor).st_size, 0, set()
    for _ in range(_BOXES_AT_MOST):
        if position == size:
            break
        head = os.pread(descriptor, 16, position)
        name, length = head[4:8], int.from_bytes(head[:4], "big")
        if len(head) < 8:
            raise refusals.truncated("complete boxes", "the end of the file within one")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name):
            raise refusals.damaged("boxes one after the other", f"no box at byte {position}")
        if position + length > size:
            missing = position + length - size
            raise refusals.truncated(
                "complete boxes", f"the end of the file {missing} bytes before that of a box"
            )
        names.add(name)
        position += length
    if b"moov" not in names:
        raise refusals.truncated("the tables of an MP4 file (moov)", "a file that ends without")
