"""The multiplex as WAV or FLAC: 192 kHz, 24 bits, one channel, 1.0 = 100 kHz.

24 bits are 0.012 Hz of deviation: no dither is needed. Equal settings make equal files.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dsp.fm.constants import COMPOSITE_RATE_HZ
from transmit.atomic import OutputSet, failures_refused
from transmit.encode import file_digest
from transmit.wav import WavWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    import numpy.typing as npt

    from dsp.contract import Samples

_STEPS = 1 << 23
_BUFFER = 1 << 20


def to_24_bits(composite: Samples) -> npt.NDArray[np.int32]:
    """Return the nearest of the 2^24 steps of ±1.0, int32 (n,)."""
    scaled = np.rint(composite * np.float32(_STEPS))
    return np.asarray(np.clip(scaled, -_STEPS, _STEPS - 1).astype(np.int32))


class MultiplexFile:
    """Writes WAV or FLAC, which appears whole when committed or not at all."""

    kind = "multiplex"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._set = OutputSet([path])
        self._part = self._set.part(path)
        self._wav: WavWriter | None = None
        self._flac: Any = None
        self._file: Any = None
        with failures_refused(path):
            if path.suffix.lower() == ".flac":
                self._flac = _open_flac(self._part)
            else:
                self._file = self._part.open("wb", _BUFFER)
                self._wav = WavWriter(self._file, COMPOSITE_RATE_HZ, 1, bits=24)

    def write(self, composite: Samples) -> None:
        """Append samples.

        Raises
        ------
        Refusal
            "output.disk_full" and the like.
        """
        numbers = to_24_bits(composite)[:, None]
        with failures_refused(self.path):
            if self._wav is not None:
                self._wav.write(numbers)
            else:
                with _flac_failures():
                    self._flac.write(numbers << 8)

    def commit(self) -> str:
        """Complete the file, put it in place and return its SHA-256."""
        with failures_refused(self.path):
            if self._wav is not None:
                self._wav.finish()
                self._file.close()
            else:
                with _flac_failures():
                    self._flac.close()
            digest, _ = file_digest(self._part)
        self._set.commit()
        return digest

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        # A full disk may fail the close as well: what it holds is removed in any case.
        with contextlib.suppress(OSError, RuntimeError):
            (self._file or self._flac).close()
        self._set.discard()


def _open_flac(part: Path) -> Any:
    import soundfile

    return soundfile.SoundFile(part, "w", COMPOSITE_RATE_HZ, 1, "PCM_24", format="FLAC")


@contextlib.contextmanager
def _flac_failures() -> Iterator[None]:
    """Turn libsndfile's errors, which hide the system's reason, into an OSError."""
    import soundfile

    try:
        yield
    except soundfile.LibsndfileError as error:
        raise OSError(errno.ENOSPC, f"libFLAC could not write ({error})") from error
