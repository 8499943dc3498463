"""A named pipe that live audio comes through: 16-bit little-endian mono at 48 kHz.

`arecord -f S16_LE -r 48000 -c 1 > PIPE`, `ffmpeg -i URL -f s16le -ar 48000 -ac 1 PIPE`. It is read
without waiting; what is not read waits in the pipe.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal

_SCALE = np.float32(1 / 32_768)


class SamplePipe:
    """The end of a pipe that is read.

    Parameters
    ----------
    path
        Of the pipe.
    kind
        Of the refusal.

    Raises
    ------
    Refusal
        `kind`: no pipe of that name.
    """

    def __init__(self, path: Path, kind: str) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _no_pipe(path, kind, (error.strerror or "nothing").lower()) from error
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise _no_pipe(path, kind, "something else")
        self._odd = b""

    def read(self, most: int) -> Samples | None:
        """Return up to about `most` samples that have come, None where nothing has."""
        try:
            data = os.read(self._descriptor, 2 * most)
        except BlockingIOError:
            return None
        if not data:  # nobody writes now
            return None
        data = self._odd + data
        even = len(data) // 2 * 2
        self._odd = data[even:]
        return np.frombuffer(data[:even], "<i2").astype(np.float32) * _SCALE

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)


def _no_pipe(path: Path, kind: str, got: str) -> Refusal:
    return Refusal(kind, expected=f"a named pipe at {path}", got=got, advice=f"mkfifo {path}")
