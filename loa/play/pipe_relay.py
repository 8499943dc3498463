"""Live audio out of a named pipe: 16-bit little-endian mono at 48 kHz, as programs write it.

`ffmpeg -i URL -f s16le -ar 48000 -ac 1 PIPE`, `arecord -f S16_LE -r 48000 -c 1 > PIPE`. Read
without waiting; what comes faster than it is played is dropped from the front, so that a relay is
never later than `_MOST_S`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from transmit.rtp.payloads import AUDIO_RATE_HZ

_READY_S = 0.2
_MOST_S = 1.0
_SCALE = np.float32(1 / 32_768)


class PipeRelay:
    """What has come through a pipe (`transmit.playout.zone_player.Relay`).

    Raises
    ------
    Refusal
        "live.pipe": no pipe of that name.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _no_pipe(path, error.strerror or "nothing") from error
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise _no_pipe(path, "something else")
        self._odd = b""
        self._samples: Samples = np.zeros(0, np.float32)
        self._flowing = False

    @property
    def is_ready(self) -> bool:
        """Whether it flows, or enough has come to begin."""
        self._take()
        return self._flowing or len(self._samples) >= _READY_S * AUDIO_RATE_HZ

    def read(self, count: int) -> Samples:
        """Return what has come, at most `count`; fewer ends the flow until enough has come."""
        self._take()
        found, self._samples = self._samples[:count], self._samples[count:]
        self._flowing = len(found) == count
        return found

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)

    def _take(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                return
            if not data:  # nobody writes now
                return
            data = self._odd + data
            even = len(data) // 2 * 2
            self._odd = data[even:]
            came = np.frombuffer(data[:even], "<i2").astype(np.float32) * _SCALE
            self._samples = np.concatenate([self._samples, came])[-int(_MOST_S * AUDIO_RATE_HZ) :]


def _no_pipe(path: Path, got: str) -> Refusal:
    return Refusal(
        "live.pipe",
        expected=f"a named pipe at {path}",
        got=got.lower(),
        advice=f"mkfifo {path}",
    )
