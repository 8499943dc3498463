"""Which decoder opens which container, in the child.

libsndfile where it is at least as good: PCM containers, FLAC, and MP3 (1.3 to 1.8 times as fast as
FFmpeg's decoder and the same samples to 2e-6, encoder delay trimmed by the LAME tag in both).
FFmpeg for Opus (its own decoder is 2.5 times as fast as libopus behind libsndfile), ADTS and MP4.
Vorbis stays with libsndfile: FFmpeg loses the first 128 samples of some streams.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest import ogg_pages
from ingest.sniff import sniff
from ingest.source_av import AvSource
from ingest.source_sndfile import SndfileSource

if TYPE_CHECKING:
    from ingest.decode_child import Source

_FFMPEG = frozenset({"ogg", "adts", "mp4", "g722"})


def open_source(descriptor: int, suffix: str) -> Source:
    """Open the file behind `descriptor`; raises Refusal."""
    container = sniff(descriptor, suffix)
    if container == "ogg" and ogg_pages.coding(descriptor) == "vorbis":
        return SndfileSource(descriptor, container)
    if container in _FFMPEG:
        return AvSource(descriptor, container)
    try:
        return SndfileSource(descriptor, container)
    except Refusal as refusal:
        # libsndfile looks at the first bytes only and gives up on some ID3 tags.
        if container != "mp3" or refusal.kind != "audio.damaged":
            raise
    return AvSource(descriptor, container)


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
