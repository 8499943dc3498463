"""How a loudspeaker does: how loud it may be, what went out, and whether it is alive."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dsp.contract import Samples
from loa.speaker.proof_of_play import ProofOfPlay
from loa.speaker.volume import Volume
from loa.speaker.watchdog import Watchdog
from transmit.bulletin.content import Priority


class Health:
    """What is done to every block before it goes out, and said of every second.

    Parameters
    ----------
    volume
        By time of day.
    now_utc
        The time, where somebody vouches for it.
    proof
        Fingerprint of what went out; None for none.
    """

    def __init__(
        self,
        volume: Volume,
        now_utc: Callable[[], datetime | None],
        proof: ProofOfPlay | None = None,
    ) -> None:
        self._volume = volume
        self._now_utc = now_utc
        self._proof = proof
        self.watchdog = Watchdog(os.environ)

    def loud(self, samples: Samples, priority: Priority | None) -> Samples:
        """Return a block as it goes out."""
        heard = self._volume.applied(samples, self._now_utc(), priority)
        if self._proof is not None:
            self._proof.add(heard)
        return heard

    def told(self, priority: Priority | None) -> dict[str, Any]:
        """Return gain, limit and fingerprint of the second that has passed."""
        proof = {} if self._proof is None else self._proof.fields()
        return self._volume.told(self._now_utc(), priority) | proof
