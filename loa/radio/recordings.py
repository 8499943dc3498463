"""What a station sends, kept: its audio and its multiplex as WAV files.

A recording holds what was received and nothing else. Where samples were lost the file goes on with
the next one that came; `segments` says which stretch of the file belongs to which time, so that
nobody has to guess. The files appear when the reception ends, whole.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

import numpy as np

from dsp.fm.constants import AUDIO_RATE_HZ, COMPOSITE_RATE_HZ, RECEIVE_RATE_HZ
from ingest.receiver.moments import utc_text
from transmit.atomic import OutputSet, failures_refused
from transmit.wav import WavWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy.typing as npt

    from ingest.receiver.stations import Station

MOST_SEGMENTS = 10_000
_FULL_16 = 32_767.0
_FULL_24 = 8_388_607.0


class SegmentedWav:
    """A WAV file that knows the time of everything in it.

    `index` of a piece counts samples of the file's rate since the first sample of the capture.
    """

    def __init__(
        self, path: Path, part: Path, rate_hz: int, channels: int, bits: Literal[16, 24]
    ) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._full = _FULL_16 if bits == 16 else _FULL_24
        self._dtype = np.int16 if bits == 16 else np.int32
        self._file: BinaryIO = part.open("wb")
        self._writer = WavWriter(self._file, rate_hz, channels, bits=bits)
        self._next: int | None = None
        self.segments: list[tuple[int, int, int]] = []
        self.clipped_samples = 0

    def write(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Append (n, channels) frames, ±1.0 full scale; beyond it they are clipped and counted."""
        if not len(frames):
            return
        if index != self._next and len(self.segments) < MOST_SEGMENTS:
            self.segments.append((self._writer.frames, index, 0))
        if self.segments:
            at, began, length = self.segments[-1]
            self.segments[-1] = (at, began, length + len(frames))
        self._next = index + len(frames)
        scaled = np.rint(frames * np.float32(self._full))
        beyond = np.abs(scaled) > self._full
        if beyond.any():
            self.clipped_samples += int(np.count_nonzero(beyond))
            np.clip(scaled, -self._full, self._full, out=scaled)
        with failures_refused(self._path):
            self._writer.write(scaled.astype(self._dtype))

    def close(self, *, whole: bool) -> None:
        """Write the header, if the file is to be kept, and close it."""
        try:
            if whole:
                with failures_refused(self._path):
                    self._writer.finish()
        finally:
            self._file.close()

    def as_dict(self, start: datetime) -> dict[str, Any]:
        """Return file, rate and segments; `start` is the time of the capture's first sample."""
        rate = self._rate_hz
        return {
            "file": self._path.name,
            "sample_rate_hz": rate,
            "clipped_samples": self.clipped_samples,
            "segments": [
                {
                    "file_s": round(at / rate, 6),
                    "time": utc_text(start + timedelta(seconds=began / rate)),
                    "seconds": round(length / rate, 6),
                }
                for at, began, length in self.segments
            ],
        }


class StationRecording:
    """The files of one station; a `StationSink` of its receiver."""

    def __init__(self, audio: SegmentedWav | None, multiplex: SegmentedWav | None) -> None:
        self.wants_audio = audio is not None
        self.wants_composite = multiplex is not None
        self._audio, self._multiplex = audio, multiplex
        self._resampler: Any = None
        self._next_in: int | None = None
        self._next_out = 0

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz."""
        if self._audio is not None:
            self._audio.write(index, frames)

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Take the multiplex, (n,) at 288 kHz; it is kept at 192 kHz."""
        if self._multiplex is None or not len(samples):
            return
        if index != self._next_in:
            self._end_multiplex()
            self._begin_multiplex(index)
        self._next_in = index + len(samples)
        self._write_multiplex(self._resampler.resample_chunk(samples))

    def close(self, *, whole: bool) -> None:
        """End both files."""
        self._end_multiplex()
        for file in (self._audio, self._multiplex):
            if file is not None:
                file.close(whole=whole)

    def as_dict(self, start: datetime) -> dict[str, Any]:
        """Return what was written, for the summary."""
        files = {"audio": self._audio, "mpx": self._multiplex}
        return {name: file.as_dict(start) for name, file in files.items() if file is not None}

    def _begin_multiplex(self, index: int) -> None:
        import soxr

        # Stop band -120 dB or better; the delay is taken off by the library.
        self._resampler = soxr.ResampleStream(
            RECEIVE_RATE_HZ, COMPOSITE_RATE_HZ, 1, dtype="float32", quality="HQ"
        )
        self._next_out = round(index * COMPOSITE_RATE_HZ / RECEIVE_RATE_HZ)

    def _end_multiplex(self) -> None:
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self._write_multiplex(rest)
            self._resampler = None

    def _write_multiplex(self, samples: npt.NDArray[np.float32]) -> None:
        assert self._multiplex is not None
        self._multiplex.write(self._next_out, samples[:, None])
        self._next_out += len(samples)


class Recordings:
    """The recordings of all stations; a context manager that keeps nothing unless `keep` is called.

    Raises
    ------
    Refusal
        If a folder cannot be written to.
    """

    def __init__(
        self, stations: Sequence[Station], *, audio: Path | None, multiplex: Path | None
    ) -> None:
        self._paths = {
            (folder, station.id): folder / f"{station.id}.wav"
            for folder in (audio, multiplex)
            if folder is not None
            for station in stations
        }
        if audio is not None and audio == multiplex:
            raise ValueError("multiplex: expected another folder than that of the audio")
        for folder in (audio, multiplex):
            if folder is not None:
                with failures_refused(folder):
                    folder.mkdir(parents=True, exist_ok=True)
        self._outputs = OutputSet(list(self._paths.values()))
        self.of: dict[str, StationRecording] = {}
        for station in stations:
            self.of[station.id] = StationRecording(
                self._open(audio, station.id, AUDIO_RATE_HZ, 2, 16),
                self._open(multiplex, station.id, COMPOSITE_RATE_HZ, 1, 24),
            )

    def keep(self, start: datetime) -> dict[str, dict[str, Any]]:
        """Complete all files, put them in place, and return what was written of each station.

        `start` is the time of the first sample of the capture.
        """
        for recording in self.of.values():
            recording.close(whole=True)
        self._outputs.commit()
        written = {name: recording.as_dict(start) for name, recording in self.of.items()}
        self.of.clear()
        return written

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not kept."""
        for recording in self.of.values():
            recording.close(whole=False)
        self._outputs.discard()

    def _open(
        self, folder: Path | None, name: str, rate_hz: int, channels: int, bits: Literal[16, 24]
    ) -> SegmentedWav | None:
        if folder is None:
            return None
        path = self._paths[folder, name]
        with failures_refused(path):
            return SegmentedWav(path, self._outputs.part(path), rate_hz, channels, bits)
