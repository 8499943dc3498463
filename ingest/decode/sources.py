"""Which decoder opens which container, in the child.

libsndfile where it is at least as good: PCM containers, FLAC, and MP3 (1.3 to 1.8 times as fast as
FFmpeg's decoder and the same samples to 2e-6, encoder delay trimmed by the LAME tag in both).
FFmpeg for Opus (its own decoder is 2.5 times as fast as libopus behind libsndfile), ADTS and MP4.
Vorbis stays with libsndfile: FFmpeg loses the first 128 samples of some streams.

FFmpeg's libraries take half of a child's start, and most sources are WAV: a light child
(`child_light.py`) goes without and passes on what it cannot open.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest.decode import ogg_pages
from ingest.decode.child import ElsewhereError
from ingest.decode.sniff import sniff
from ingest.decode.source_sndfile import SndfileSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.decode.child import Source

_FFMPEG = frozenset({"ogg", "adts", "mp4", "g722"})


def open_source(descriptor: int, suffix: str) -> Source:
    """Open the file behind `descriptor` with either library; raises Refusal."""
    from ingest.decode.source_av import AvSource

    return _opened(descriptor, suffix, AvSource)


def open_light_source(descriptor: int, suffix: str) -> Source:
    """Open the file behind `descriptor` with libsndfile; raises Refusal or ElsewhereError."""
    return _opened(descriptor, suffix, _pass_on)


def _pass_on(_descriptor: int, container: str) -> Source:
    raise ElsewhereError(container)


def _opened(descriptor: int, suffix: str, ffmpeg: Callable[[int, str], Source]) -> Source:
    container = sniff(descriptor, suffix)
    if container == "ogg" and ogg_pages.coding(descriptor) == "vorbis":
        return SndfileSource(descriptor, container)
    if container in _FFMPEG:
        return ffmpeg(descriptor, container)
    try:
        return SndfileSource(descriptor, container)
    except Refusal as refusal:
        # libsndfile looks at the first bytes only and gives up on some ID3 tags.
        if container != "mp3" or refusal.kind != "audio.damaged":
            raise
    return ffmpeg(descriptor, container)


def rehearse() -> None:
    """Open one good and one bad file in each library, so that they import all they ever will.

    Later, behind the system-call filter, no module can be loaded any more.
    """
    from ingest.decode.source_av import AvSource

    _rehearse((AvSource, "g722"), (AvSource, "mp4"))
    rehearse_light()


def rehearse_light() -> None:
    """Do the same for libsndfile alone."""
    _rehearse((SndfileSource, "ulaw"), (SndfileSource, "wav"))


def _rehearse(*parts: tuple[Callable[[int, str], Source], str]) -> None:
    descriptor = os.memfd_create("rehearsal")
    os.write(descriptor, b"\x7f" * 400)
    scratch = memoryview(bytearray(4096))
    for make, container in parts:
        with contextlib.suppress(Refusal):
            source = make(descriptor, container)
            while source.read_into(scratch):
                pass
            source.close()
    os.close(descriptor)
