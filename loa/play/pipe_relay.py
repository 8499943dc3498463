"""Live audio out of a named pipe (`loa.sample_pipe`) in a programme.

What comes faster than it is played is dropped from the front, so that a relay is never later than
`_MOST_S`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsp.contract import Samples
from loa.sample_pipe import SamplePipe
from transmit.rtp.payloads import AUDIO_RATE_HZ

_READY_S = 0.2
_MOST_S = 1.0
_AT_ONCE = 1 << 15


class PipeRelay:
    """What has come through a pipe (`transmit.playout.zone_player.Relay`).

    Raises
    ------
    Refusal
        "live.pipe": no pipe of that name.
    """

    def __init__(self, path: Path) -> None:
        self._pipe = SamplePipe(path, "live.pipe")
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
        self._pipe.close()

    def _take(self) -> None:
        while (came := self._pipe.read(_AT_ONCE)) is not None:
            self._samples = np.concatenate([self._samples, came])[-int(_MOST_S * AUDIO_RATE_HZ) :]
