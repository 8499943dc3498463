"""A signed recording as a source: for where nothing live comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from dsp.contract import Samples
from loa.device.shelf import Shelf
from transmit.bulletin.acceptance import Accepted
from transmit.bulletin.content import Audio


class BulletinSource:
    """Recordings of a signed bulletin, over and over, as long as it holds.

    Not heard once, as what comes to the door, but whenever it is turned to.
    """

    def __init__(
        self,
        name: str,
        accepted: Accepted,
        shelf: Shelf,
        audio: tuple[Audio, ...],
        now_utc: Callable[[], datetime | None],
    ) -> None:
        self.name = name
        self.bulletin = accepted.name
        self._window = (accepted.bulletin.not_before_utc, accepted.bulletin.expires_utc)
        self._shelf = shelf
        self._audio = audio
        self._now_utc = now_utc
        self._part = self._place = 0
        self.is_revoked = False

    @property
    def is_alive(self) -> bool:
        """Whether it holds now, by a clock that is trusted."""
        now_utc = self._now_utc()
        inside = now_utc is not None and self._window[0] <= now_utc < self._window[1]
        return inside and not self.is_revoked

    def begin(self) -> None:
        """Go back to the beginning."""
        self._part = self._place = 0

    def render(self, count: int) -> Samples:
        """Return the next samples."""
        out, filled = np.zeros(count, np.float32), 0
        while filled < count:
            sha256 = self._audio[self._part].sha256
            length = self._shelf.length(sha256)
            assert length, "taken when this was made, and a millisecond at least"
            piece = self._shelf.read(sha256, self._place, min(count - filled, length - self._place))
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._place += len(piece)
            if self._place >= length:
                self._part, self._place = (self._part + 1) % len(self._audio), 0
        return out
