"""FLAC: 16 bits with TPDF dither, bit for bit the same on every run."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import soundfile

from dsp.contract import Frames
from dsp.dither import Dither
from transmit.codecs.setting import Setting

_PROBE_BYTES = 1 << 16


class FlacEncoder:
    """Writes a FLAC file through libFLAC."""

    delay_samples = 0

    def __init__(self, path: Path, setting: Setting) -> None:
        self._dither = Dither(setting.channels)
        self._path = path
        self._file = soundfile.SoundFile(
            path, "w", setting.sample_rate_hz, setting.channels, "PCM_16", format="FLAC"
        )

    def write(self, frames: Frames) -> None:
        """Append (n, channels) frames."""
        try:
            self._file.write(self._dither.process(frames))
        except soundfile.LibsndfileError as error:
            raise _reason(self._path, error) from error

    def finish(self) -> None:
        """Complete the file: the header gets its length and checksum."""
        try:
            self._file.close()
        except soundfile.LibsndfileError as error:
            raise _reason(self._path, error) from error

    def close(self) -> None:
        """Let go of the file, also one that cannot be completed."""
        with contextlib.suppress(soundfile.LibsndfileError):
            self._file.close()


def _reason(path: Path, error: Exception) -> OSError:
    """Return why `path` cannot be written: libsndfile keeps the system's reason to itself."""
    try:
        with path.open("ab", buffering=0) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as found:
        return found
    return OSError(errno.EIO, f"libFLAC: {error}")
