"""Audio files as recognition hears them: mono, float32, at a rate the fingerprint takes.

Decoding is done by the isolated decoder; memory is bounded by its blocks, whatever the length. What
is not finite becomes zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.recognise.fingerprint import Fingerprinter, Prints
from ingest.decode.audio_format import AudioFormat
from ingest.decode.decoder import Decoder
from ingest.decode.regular_file import open_regular

AS_THEY_ARE_HZ = (8_000, 16_000, 24_000, 32_000, 48_000)
_LOUDEST = 32.0  # float files may hold anything; beyond this nothing was meant


def heard_rate_hz(audio_format: AudioFormat) -> int:
    """Return the rate at which `mono` gives a file: its own, or 16 kHz."""
    own = audio_format.sample_rate_hz
    return own if own in AS_THEY_ARE_HZ else 16_000


def mono(blocks: Iterable[npt.NDArray[Any]], audio_format: AudioFormat) -> Iterator[Samples]:
    """Give decoded blocks (n, channels) as float32 (n,) at `heard_rate_hz`."""
    rate_hz = heard_rate_hz(audio_format)
    mixed = (_mixed(block) for block in blocks)
    if rate_hz == audio_format.sample_rate_hz:
        yield from mixed
        return
    import soxr

    stream = soxr.ResampleStream(
        audio_format.sample_rate_hz, rate_hz, 1, dtype="float32", quality="MQ"
    )
    for block in mixed:
        yield np.ascontiguousarray(stream.resample_chunk(block))
    yield np.ascontiguousarray(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def print_file(decoder: Decoder, path: Path) -> tuple[Prints, float]:
    """Return the prints of a whole file and its length in seconds.

    Raises
    ------
    Refusal
        Of the decoder.
    """
    pieces: list[Prints] = []
    with decoder.open(path) as audio:
        printer = Fingerprinter(heard_rate_hz(audio.format))
        pieces.extend(printer.process(block) for block in mono(audio.blocks(), audio.format))
        seconds = audio.frames_read / audio.format.sample_rate_hz
    pieces.append(printer.finish())
    return joined(pieces), seconds


def joined(pieces: list[Prints]) -> Prints:
    """Return prints that follow one another as one."""
    names = Prints.__dataclass_fields__
    arrays = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in names
        if name != "first"
    }
    return Prints(first=pieces[0].first, **arrays)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises
    ------
    Refusal
        If it cannot be opened.
    """
    with open(open_regular(path), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mixed(block: npt.NDArray[Any]) -> Samples:
    scale = 1.0 / 32768.0 if block.dtype == np.int16 else 1.0
    frames = block.astype(np.float32) * np.float32(scale)
    if block.dtype != np.int16:
        frames = np.clip(
            np.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0), -_LOUDEST, _LOUDEST
        )
    return np.ascontiguousarray(frames.mean(axis=1), np.float32)
