"""WAV, RF64, W64, AIFF, FLAC, MP3 and raw G.711 through libsndfile, straight into the ring.

Sources of at most 16 bits are read as int16: not a sample is converted. The rest comes as float32.
libsndfile is content with whatever is there; whether the file is complete is checked on the side
(`riff.py`, `mpeg_frames.py`, FLAC's own sample count).
"""

from __future__ import annotations

import os

import soundfile

from ingest import refusals
from ingest.audio_format import AudioFormat
from ingest.completeness import require_complete

_INT16_CODINGS = frozenset(
    {"PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"}
)
_FLOAT_CODINGS = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"}) | {
    f"MPEG_LAYER_{n}" for n in ("I", "II", "III")
}
_MAJOR_FORMATS = {
    "wav": {"WAV", "WAVEX", "RF64"},
    "rf64": {"RF64", "WAV", "WAVEX"},
    "w64": {"W64"},
    "aiff": {"AIFF"},
    "flac": {"FLAC"},
    "mp3": {"MP3"},
}
_RAW = {"ulaw": "ULAW", "alaw": "ALAW"}
_RAW_RATE_HZ = 8_000
# libsndfile's mark for "the header does not say".
_UNKNOWN_FRAMES = 1 << 60


class SndfileSource:
    """One file in libsndfile."""

    def __init__(self, descriptor: int, container: str) -> None:
        self._container = container
        promised = require_complete(descriptor, container)
        self._file = _open(descriptor, container)
        coding = self._file.subtype
        if coding not in _INT16_CODINGS | _FLOAT_CODINGS:
            self._file.close()
            raise refusals.unsupported(f"{container} with coding {coding.lower()}")
        frames = self._file.frames if 0 <= self._file.frames < _UNKNOWN_FRAMES else None
        self._promised = frames if container == "flac" else promised
        self.format = self._describe(coding, os.fstat(descriptor).st_size, frames)
        self._read = 0

    def read_into(self, view: memoryview) -> int:
        """Fill `view` with frames; 0 at the end. Raises Refusal on damage or a missing end."""
        room = len(view) // self.format.frame_bytes
        part = view[: room * self.format.frame_bytes]
        try:
            frames = int(self._file.buffer_read_into(part, self.format.sample_format))
        except soundfile.LibsndfileError as error:
            raise refusals.damaged("samples", f"{self._where()}: {_words(error)}") from None
        self._read += frames
        if frames == 0 and self._promised is not None and self._read < self._promised:
            rate_hz = self.format.sample_rate_hz
            raise refusals.truncated(f"{self._promised / rate_hz:.3f} s", f"{self._where()} of it")
        return frames

    def close(self) -> None:
        """Close libsndfile's handle; the descriptor stays open."""
        self._file.close()

    def _where(self) -> str:
        return f"{self._read / self.format.sample_rate_hz:.3f} s"

    def _describe(self, coding: str, size_bytes: int, frames: int | None) -> AudioFormat:
        rate_hz = int(self._file.samplerate)
        duration_s = None if frames is None else frames / max(rate_hz, 1)
        codec = {"MPEG_LAYER_III": "mp3", "MPEG_LAYER_II": "mp2", "MPEG_LAYER_I": "mp1"}.get(coding)
        if self._container == "flac":
            codec = "flac"
        return AudioFormat(
            container=self._container,
            codec=codec or coding.lower(),
            sample_rate_hz=rate_hz,
            channels=int(self._file.channels),
            sample_format="int16" if coding in _INT16_CODINGS else "float32",
            bit_rate_bps=round(size_bytes * 8 / duration_s) if duration_s else None,
            duration_hint_s=duration_s,
        )


def _open(descriptor: int, container: str) -> soundfile.SoundFile:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        if container in _RAW:
            return soundfile.SoundFile(
                descriptor,
                samplerate=_RAW_RATE_HZ,
                channels=1,
                format="RAW",
                subtype=_RAW[container],
                closefd=False,
            )
        opened = soundfile.SoundFile(descriptor, closefd=False)
    except soundfile.LibsndfileError as error:
        raise refusals.damaged(f"a {container} header", _words(error)) from None
    if opened.format not in _MAJOR_FORMATS[container]:
        opened.close()
        raise refusals.not_audio(f"a {container} header around {opened.format}")
    return opened


def _words(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".").lower()
