"""A path to a recording → a source: by the ending of its name, `.gz` and `.zst` looked through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dsp.receive.front.channel_plan import MAX_RATE_HZ, MIN_RATE_HZ
from ingest.iq import refusals
from ingest.iq.byte_stream import COMPRESSIONS, ByteStream
from ingest.iq.encoding import ENCODINGS
from ingest.iq.file_source import FileSource
from ingest.iq.sigmf_meta import MOST_BYTES, SigmfMeta, parse_sigmf
from ingest.iq.wav_header import read_wav_header

if TYPE_CHECKING:
    from ingest.clock import Clock

_RAW = {".cu8": "cu8", ".u8": "cu8", ".cs8": "cs8", ".cs16": "cs16", ".cf32": "cf32"}
_RAW |= {".c8": "cs8", ".s16": "cs16", ".fc32": "cf32", ".cfile": "cf32", ".bin": "cu8"}
_SIGMF = {".sigmf", ".sigmf-meta", ".sigmf-data"}


@dataclass(frozen=True)
class Recorded:
    """What the options say of a recording; they win over what its header says."""

    rate_hz: int | None = None
    centre_hz: float | None = None
    start_utc: datetime | None = None


def open_recording(path: Path, options: Recorded, clock: Clock) -> FileSource:
    """Return the recording at `path` as a source.

    Raises
    ------
    Refusal
        iq.format, iq.not_found, iq.rate_missing, iq.rate, iq.header, iq.sigmf, iq.mislabelled.
    """
    plain = path.name.lower()
    compression = next((c for c in COMPRESSIONS if plain.endswith(c)), "")
    ending = Path(plain.removesuffix(compression)).suffix
    if ending in _SIGMF:
        return _open_sigmf(path, compression, options, clock)
    if ending == ".wav" and not compression:
        return _open_wav(path, options, clock)
    if ending not in _RAW:
        raise refusals.format_unknown(path.name)
    stream = ByteStream(path)
    _refuse_known_containers(stream, path, compression)
    return _source(stream, _RAW[ending], options, Recorded(), path, clock)


def require_rate(rate_hz: object, name: str) -> int:
    """Return `rate_hz` if a capture of that rate, called `name`, can be worked with."""
    if rate_hz is None:
        raise refusals.rate_missing(name)
    if type(rate_hz) is not int or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise refusals.rate(rate_hz)
    return rate_hz


def _open_wav(path: Path, options: Recorded, clock: Clock) -> FileSource:
    ByteStream(path).close()  # words what is missing or may not be read
    header = read_wav_header(path)
    stream = ByteStream(path, offset=header.data_offset, length=header.data_bytes)
    said = Recorded(header.rate_hz, header.centre_hz, header.start_utc)
    return _source(stream, header.encoding, options, said, path, clock)


def _open_sigmf(path: Path, compression: str, options: Recorded, clock: Clock) -> FileSource:
    stem = path.name[: len(path.name) - len(compression)]
    stem = stem[: stem.lower().rindex(".sigmf")]
    meta = _read_meta(path.with_name(stem + ".sigmf-meta"))
    data = _data_path(path, stem, meta)
    stream = ByteStream(data)
    if meta.header_bytes:
        _skip(stream, meta.header_bytes)
    said = Recorded(meta.rate_hz, meta.centre_hz, meta.start_utc)
    source = _source(stream, meta.encoding, options, said, data, clock)
    try:
        source.add_holes(meta.holes(source.rate_hz))
    except BaseException:
        source.close()
        raise
    return source


def _read_meta(path: Path) -> SigmfMeta:
    stream = ByteStream(path)
    try:
        return parse_sigmf(stream.read(MOST_BYTES + 1))
    finally:
        stream.close()


def _data_path(path: Path, stem: str, meta: SigmfMeta) -> Path:
    names = [stem + ".sigmf-data" + compression for compression in ("", *COMPRESSIONS)]
    if meta.dataset:
        names.insert(0, meta.dataset)
    for name in names:
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise refusals.sigmf(f"samples in {stem}.sigmf-data", "no such file beside the metadata")


def _skip(stream: ByteStream, count: int) -> None:
    while count > 0:
        gone = len(stream.read(min(count, 1 << 20)))
        if not gone:
            return
        count -= gone


def _refuse_known_containers(stream: ByteStream, path: Path, compression: str) -> None:
    if compression:
        return
    head = stream.peek(12)
    for magic, name in ((b"RIFF", "a WAV"), (b"\x1f\x8b\x08", "gzip"), (b"(\xb5/\xfd", "zstd")):
        if head.startswith(magic):
            stream.close()
            raise refusals.mislabelled("bare samples", f"{path.name}, which is {name}")


def _source(
    stream: ByteStream,
    encoding: str,
    options: Recorded,
    said: Recorded,
    path: Path,
    clock: Clock,
) -> FileSource:
    rate_hz = options.rate_hz if options.rate_hz is not None else said.rate_hz
    try:
        rate_hz = require_rate(rate_hz, path.name)
    except BaseException:
        stream.close()
        raise
    centre_hz = options.centre_hz if options.centre_hz is not None else said.centre_hz
    start_utc = options.start_utc or said.start_utc
    basis: Literal["recorded", "assumed"] = "recorded" if start_utc else "assumed"
    return FileSource(
        stream,
        ENCODINGS[encoding],
        rate_hz=rate_hz,
        centre_hz=centre_hz,
        start_utc=(start_utc or clock.now_utc()).astimezone(UTC),
        time_basis=basis,
    )
