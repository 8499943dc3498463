"""WAV, RF64, W64, AIFF, FLAC, MP3 and raw G.711 through libsndfile, straight into the ring.

Sources of at most 16 bits are read as int16: not a sample is converted. The rest comes as float32.
libsndfile is content with whatever is there; whether the file is complete is checked on the side
(`riff.py`, `mpeg_frames.py`, FLAC's own sample count).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import soundfile

from ingest.decode import refusals
from ingest.decode.audio_format import AudioFormat
from ingest.decode.completeness import require_complete
from ingest.decode.flac_digest import flac_digest

if TYPE_CHECKING:
    from dsp.errors import Refusal

_INT16_CODINGS = frozenset(
    {"PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"}
)
_FLOAT_CODINGS = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS"}) | {
    f"MPEG_LAYER_{n}" for n in ("I", "II", "III")
}
_MAJOR_FORMATS = {
    "wav": {"WAV", "WAVEX", "RF64"},
    "rf64": {"RF64", "WAV", "WAVEX"},
    "w64": {"W64"},
    "aiff": {"AIFF"},
    "flac": {"FLAC"},
    "mp3": {"MP3"},
    "ogg": {"OGG"},
}
_RAW = {"ulaw": "ULAW", "alaw": "ALAW"}
_RAW_RATE_HZ = 8_000
# libsndfile's mark for "the header does not say".
_UNKNOWN_FRAMES = 1 << 60


class SndfileSource:
    """One file in libsndfile."""

    def __init__(self, descriptor: int, container: str) -> None:
        self._container = container
        self._descriptor = descriptor
        self._size_bytes = os.fstat(descriptor).st_size
        promised = require_complete(descriptor, container)
        self._file = _open(descriptor, container)
        coding = self._file.subtype
        if coding not in _INT16_CODINGS | _FLOAT_CODINGS:
            self._file.close()
            raise refusals.unsupported(f"{container} with coding {coding.lower()}")
        frames = self._file.frames if 0 <= self._file.frames < _UNKNOWN_FRAMES else None
        if container == "mp3" and promised is not None:
            frames = promised.samples  # counted; libsndfile guesses from the first bit rate
        self._least = promised.least if promised else None
        if container == "flac":
            self._least = frames
        self._md5 = flac_digest(descriptor) if coding == "PCM_16" and container == "flac" else None
        self.format = self._describe(coding, self._size_bytes, frames)
        self._read = 0

    def read_into(self, view: memoryview) -> int:
        """Fill `view` with frames; 0 at the end. Raises Refusal on damage or a missing end."""
        room = len(view) // self.format.frame_bytes
        part = view[: room * self.format.frame_bytes]
        try:
            frames = int(self._file.buffer_read_into(part, self.format.sample_format))
        except soundfile.LibsndfileError as error:
            raise self._broken(_words(error)) from None
        self._read += frames
        if self._md5 is not None:
            self._md5.update(part[: frames * self.format.frame_bytes])
        if frames == 0:
            self._require_promised()
        return frames

    def _broken(self, words: str) -> Refusal:
        """Say where decoding broke: at the end of the file it is a missing end.

        libFLAC reads some 16 kB ahead, so damage in the last 16 kB counts as a missing end too.
        """
        self._read = max(int(self._file.tell()), self._read)
        at_end = os.lseek(self._descriptor, 0, os.SEEK_CUR) >= self._size_bytes
        if self._container == "flac" and at_end and self._least:
            whole_s = self._least / self.format.sample_rate_hz
            return refusals.truncated(f"{whole_s:.3f} s", f"{self._where()} of it")
        return refusals.damaged("samples", f"{words} after {self._where()}")

    def _require_promised(self) -> None:
        if self._least is not None and self._read < self._least:
            rate_hz = self.format.sample_rate_hz
            raise refusals.truncated(f"{self._least / rate_hz:.3f} s", f"{self._where()} of it")
        if self._md5 is not None and not self._md5.agrees():
            raise refusals.damaged("samples with the checksum in the header", "other samples")

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
        if "unimplemented" in str(error):
            raise refusals.unsupported(f"{container} in an unusual coding") from None
        raise refusals.damaged(f"a sound {container} header", "one that does not hold") from None
    if opened.format not in _MAJOR_FORMATS[container]:
        opened.close()
        raise refusals.not_audio(f"a {container} header around {opened.format}")
    return opened


def _words(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").strip().rstrip(".").lower()
