"""Encoding: a mastered programme in, a finished file of the codec its extension names out.

    setting = setting_for(Path("bulletin.opus"), 24_000, channels=1)
    encoded = encode(programme.blocks(), (24_000, 1), path, setting, trim_db=-0.3)

Streaming: memory holds one block. What the codec needs is done on the way: mixing down, the rate,
the trim, and 16 bits with dither where it takes no more. Codecs: mp3 m4a aac opus flac wav g722
ulaw alaw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from dsp.contract import Frames
from transmit.atomic import failures_refused
from transmit.codecs.setting import Setting

_DIGEST_BYTES = 1 << 20


class Encoder(Protocol):
    """A file being written; `delay_samples` is what its format has no place to say."""

    delay_samples: int

    def write(self, frames: Frames) -> None:
        """Append (n, channels) float32 frames."""

    def finish(self) -> None:
        """Complete the file."""

    def close(self) -> None:
        """Let go of the file, complete or not; may be called twice."""


@dataclass(frozen=True)
class Encoded:
    """A finished file.

    Attributes
    ----------
    frames
        What was encoded, in frames at the setting's rate.
    delay_samples
        By how much the decoded audio is late because the format cannot say so; 0 elsewhere.
    sha256, size_bytes
        Of the file.
    trim_db
        Change of level ahead of the encoder.
    """

    setting: Setting
    frames: int
    delay_samples: int
    sha256: str
    size_bytes: int
    trim_db: float


def encode(
    blocks: Iterable[Frames],
    source: tuple[int, int],
    path: Path,
    setting: Setting,
    *,
    trim_db: float = 0.0,
    advance: Callable[[int], None] | None = None,
) -> Encoded:
    """Encode a programme to `path`.

    Parameters
    ----------
    blocks
        The programme, float32 (n, channels).
    source
        Its sample rate in Hz and its channels.
    path
        Where to write; the caller sees to it that nobody takes it for finished.
    setting
        From `setting_for`.
    trim_db
        Change of level ahead of the encoder.
    advance
        Hears how many frames of the programme were encoded, after every block.

    Raises
    ------
    Refusal
        Exit code 4 where the disk is full or fails.
    """
    with failures_refused(path):
        encoder = _open(path, setting)
        frames = 0
        try:
            for block in _prepared(blocks, source, setting, trim_db, advance):
                encoder.write(block)
                frames += len(block)
            encoder.finish()
        finally:
            encoder.close()
        sha256, size_bytes = file_digest(path)
    return Encoded(setting, frames, encoder.delay_samples, sha256, size_bytes, trim_db)


def file_digest(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_DIGEST_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _open(path: Path, setting: Setting) -> Encoder:
    # Imported here: FFmpeg, libsndfile and LAME load only where they are used.
    if setting.codec.name == "pcm_16":
        from transmit.codecs.pcm import WavEncoder

        return WavEncoder(path, setting)
    if setting.codec.name == "flac":
        from transmit.codecs.flac import FlacEncoder

        return FlacEncoder(path, setting)
    if setting.codec.name == "mp3":
        from transmit.codecs.mp3 import Mp3Encoder

        return Mp3Encoder(path, setting)
    from transmit.codecs.av_stream import AvEncoder

    return AvEncoder(path, setting)


def _prepared(
    blocks: Iterable[Frames],
    source: tuple[int, int],
    setting: Setting,
    trim_db: float,
    advance: Callable[[int], None] | None,
) -> Iterator[Frames]:
    """Yield `blocks` with the trim, the channels and the rate of `setting`."""
    rate_hz, channels = source
    gain = np.float32(10.0 ** (trim_db / 20.0))
    resample = None
    if rate_hz != setting.sample_rate_hz:
        resample = soxr.ResampleStream(
            rate_hz, setting.sample_rate_hz, setting.channels, dtype="float32", quality="HQ"
        )
    for block in blocks:
        frames = block
        if setting.channels < channels:
            frames = frames.mean(axis=1, dtype=np.float32, keepdims=True)
        if trim_db:
            frames = frames * gain
        if resample is not None:
            frames = resample.resample_chunk(frames).reshape(-1, setting.channels)
        yield frames
        if advance is not None:
            advance(len(block))
    if resample is not None:
        empty = np.zeros((0, setting.channels), np.float32)
        yield resample.resample_chunk(empty, last=True).reshape(-1, setting.channels)
