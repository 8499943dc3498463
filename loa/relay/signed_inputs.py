"""What is relayed because somebody signed it: bulletins, live sessions, recordings of this machine.

Who signs, for whom and until when is judged by the door that every device has (`loa.device`); here
what it let in is given to the relay a block at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.playout.concealment import rejoin
from loa.device.bulletin_source import BulletinSource
from loa.device.bulletin_voice import BulletinVoice
from loa.device.live import LiveSource
from loa.device.signed_source import SignedSource
from loa.relay.inputs import Input, about_stream

_FADE_SAMPLES = 480


class BulletinInput(Input):
    """Emergencies and priority bulletins as they come; they go before everything.

    Parameters
    ----------
    voice
        Plays what the door let in.
    ahead_s
        How much later than it is relayed a block is heard: what is to be heard at a time, in step
        with loudspeakers, is relayed so much earlier.
    block_samples
        How much is always asked for.
    """

    urgent = True
    may_pause = False

    def __init__(self, voice: BulletinVoice, ahead_s: float, block_samples: int) -> None:
        self.name = "commands"
        self._voice = voice
        self._ahead_s = ahead_s
        self._block_samples = block_samples
        self._next: Samples | None = None

    def is_alive(self, moment_s: float) -> bool:
        """Tell whether a bulletin is due in the next block."""
        self._next = self._voice.render(self._block_samples, moment_s + self._ahead_s)
        return self._next is not None

    def render(self, count: int, moment_s: float) -> Samples:
        """Return that block; zeros where there is none."""
        del moment_s
        block, self._next = self._next, None
        return np.zeros(count, np.float32) if block is None else block

    def about(self) -> dict[str, Any]:
        """Return what is heard now."""
        return {"bulletin": self._voice.name}

    def close(self) -> None:
        """Nothing is held."""


class SessionInput(Input):
    """Live audio of whatever signed session was announced; an emergency goes before the rest."""

    def __init__(self, source: SignedSource) -> None:
        self.name = source.name
        self.source = source
        self._now: LiveSource | None = None

    def is_alive(self, moment_s: float) -> bool:
        """Receive; tell whether one of them plays."""
        self.source.receive(moment_s)
        found = self.source.best(moment_s)
        self.urgent = found is not None and found[1] == "emergency"
        return found is not None

    def render(self, count: int, moment_s: float) -> Samples:
        """Return what is heard from `moment_s` on; turns between sessions are cross-faded."""
        found = self.source.best(moment_s)
        before, self._now = self._now, None if found is None else found[0]
        samples = _rendered(self._now, count, moment_s)
        if before in (None, self._now):
            return samples
        left = before if before in self.source.live else None
        return rejoin(_rendered(left, count, moment_s)[:_FADE_SAMPLES], samples)

    def about(self) -> dict[str, Any]:
        """Return what arrived of every session that was joined."""
        return {"sessions": [{"name": one.name, **about_stream(one)} for one in self.source.live]}

    def close(self) -> None:
        """Leave all sessions."""
        self.source.close()


class RecordingInput(Input):
    """A signed recording of this machine, over and over, as long as it holds."""

    def __init__(self, source: BulletinSource) -> None:
        self.name = source.name
        self._source = source

    def is_alive(self, moment_s: float) -> bool:
        """Tell whether it holds now."""
        del moment_s
        return self._source.is_alive

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples; zeros where it holds no more."""
        del moment_s
        return self._source.render(count) if self._source.is_alive else np.zeros(count, np.float32)

    def about(self) -> dict[str, Any]:
        """Return whose it is."""
        return {"bulletin": self._source.bulletin}

    def close(self) -> None:
        """Nothing is held."""


def _rendered(live: LiveSource | None, count: int, moment_s: float) -> Samples:
    return np.zeros(count, np.float32) if live is None else live.render(count, moment_s)
