"""Samples into a named pipe, for a program that plays or modulates them; nobody is waited for.

The multiplex is 32-bit float, little-endian, one channel at 192 kHz, 1.0 = 100 kHz
(`aplay -t raw -f FLOAT_LE -r 192000 -c 1 PIPE`); a line is 16 bits at 48 kHz. Where nobody reads,
what was to be written is gone, and counted: live sound is not kept for later.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Literal

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal

_PIPE_BYTES = 1 << 20  # 1.4 s of multiplex; what the system grants of it
_FULL_SCALE = 32_767.0


class PipeWriter:
    """Writes mono samples to a pipe.

    Parameters
    ----------
    path
        A named pipe.
    form
        "float32", or "int16" of full scale 1.0.

    Attributes
    ----------
    lost
        Samples that nobody took.

    Raises
    ------
    Refusal
        "output.pipe": no pipe of that name.
    """

    kind = "pipe"

    def __init__(self, path: Path, form: Literal["float32", "int16"]) -> None:
        self.path = path
        self.lost = 0
        self._form = form
        self._descriptor: int | None = None
        self._rest = b""
        try:
            is_pipe = stat.S_ISFIFO(path.stat().st_mode)
        except OSError as error:
            raise _no_pipe(path, (error.strerror or "nothing").lower()) from error
        if not is_pipe:
            raise _no_pipe(path, "something else")

    def write(self, samples: Samples) -> None:
        """Write samples, float32 (n,), as far as the reader has room."""
        if self._descriptor is None and not self._open():
            self.lost += len(samples)
            return
        if self._form == "int16":
            whole = np.round(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
        else:
            whole = samples.astype("<f4", copy=False)
        width = whole.dtype.itemsize
        # Of a sample that went in halfway the rest goes first: the reader counts bytes.
        data = self._rest + whole.tobytes()
        written = self._put(data)
        whole_bytes = -(-(written - len(self._rest)) // width) * width + len(self._rest)
        left = max(written, min(whole_bytes, len(data)))
        self._rest = data[written:left]
        self.lost += (len(data) - left) // width

    def close(self) -> None:
        """Close the pipe."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> bool:
        """Open it if somebody reads."""
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise _no_pipe(self.path, (error.strerror or "nothing").lower()) from error
            return False
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return True

    def _put(self, data: bytes) -> int:
        """Return how many bytes went in; a reader that left is waited for anew."""
        assert self._descriptor is not None
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.close()
            self._rest = b""
            return len(data)
        return done


def _no_pipe(path: Path, got: str) -> Refusal:
    return Refusal(
        "output.pipe",
        expected=f"a named pipe at {path}",
        got=got,
        advice=f"mkfifo {path}",
    )
