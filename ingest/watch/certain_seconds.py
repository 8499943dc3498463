"""Which seconds teach a station's signature: those that were certainly its own.

A second is learned some seconds late, when the answers about it have come and nothing odd has
followed, and only if its own PI was in it or what is due was recognised in it. A station without a
PI is also learned while nothing speaks against it, in its own time. Bounded: a few records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from ingest.watch.cues import Cues, ecc_of
from ingest.watch.signature import Signature

_GAP = 2  # seconds beside anything odd from which nothing is learned
_AFTER = 4  # seconds after which a second is learned: answers come late
_NEVER = -(10**9)


class CertainSeconds:
    """The lessons of one station; see the module.

    Parameters
    ----------
    pi
        Of the station, None where it has none.
    signature
        What is taught.
    """

    def __init__(self, pi: str | None, signature: Signature) -> None:
        self._pi = pi
        self._signature = signature
        self._waiting: deque[tuple[Mapping[str, Any], Cues]] = deque(maxlen=_AFTER + 2)
        self._odd_second = self._own_second = _NEVER

    def good(self, record: Mapping[str, Any], cues: Cues) -> None:
        """Take a second in which nothing is odd."""
        self._waiting.append((record, cues))

    def odd(self, second: int) -> None:
        """Take a second that teaches nothing, and neither do those beside it."""
        self._odd_second = second

    def own(self, second: int) -> None:
        """Take that what is due was recognised in a second some way back."""
        self._own_second = second

    def lost(self, second: int) -> None:
        """Take a second of which samples are missing."""
        self.odd(second)
        self._waiting.clear()

    def learn(self, second: int, *, in_slot: bool) -> None:
        """Teach what has waited for long enough when `second` is over."""
        while self._waiting and self._waiting[0][0]["second"] <= second - _AFTER:
            record, cues = self._waiting.popleft()
            place = int(record["second"])
            if self._odd_second - _GAP <= place <= self._odd_second + _GAP:
                continue
            certain = "own_pi" in cues.names or (self._pi is None and place <= self._own_second)
            if certain or (self._pi is None and in_slot):
                self._teach(record)

    def _teach(self, record: Mapping[str, Any]) -> None:
        self._signature.learn(record)
        for group in record.get("groups") or ():
            if self._pi and group.startswith(self._pi):
                code = ecc_of(group)
                self._signature.ecc = code if code is not None else self._signature.ecc
