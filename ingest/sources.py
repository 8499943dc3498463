"""Which decoder opens which container, in the child.

libsndfile where it is at least as good: PCM containers, FLAC, and MP3 (1.3 to 1.8 times as fast as
FFmpeg's decoder and the same samples to 2e-6, encoder delay trimmed by the LAME tag in both). FFmpeg
for Ogg (its own Opus decoder is 2.5 times as fast as libopus behind libsndfile), ADTS and MP4.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest.sniff import sniff
from ingest.source_av import AvSource
from ingest.source_sndfile import SndfileSource

if TYPE_CHECKING:
    from ingest.decode_child import Source

_FFMPEG = frozenset({"ogg", "adts", "mp4", "g722"})


def open_source(descriptor: int, suffix: str) -> Source:
    """Open the file behind `descriptor`; raises Refusal."""
    container = sniff(descriptor, suffix)
    if container in _FFMPEG:
        return AvSource(descriptor, container)
    return SndfileSource(descriptor, container)


def rehearse() -> None:
    """Open one good and one bad file in each library, so that they import all they ever will.

    Later, behind the system-call filter, no module can be loaded any more.
    """
    descriptor = os.memfd_create("rehearsal")
    os.write(descriptor, b"\x7f" * 400)
    scratch = memoryview(bytearray(4096))
    for make, container in (
        (AvSource, "g722"),
        (AvSource, "mp4"),
        (SndfileSource, "ulaw"),
        (SndfileSource, "wav"),
    ):
        with contextlib.suppress(Refusal):
            source = make(descriptor, container)
            while source.read_into(scratch):
                pass
            source.close()
    os.close(descriptor)
