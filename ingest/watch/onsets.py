"""Which cues began together: a stranger changes everything at once, faults of a station do not.

A coder that fails, and a voice that moves the carrier's reading half a minute later, are two
things; only what began within `TOGETHER_S` can be one stranger.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.watch.cues import CHANGES, Cues, weighed

TOGETHER_S = 3
FORGOTTEN_S = 10  # a cue that comes and goes has begun when it came first


class Onsets:
    """Since when each change of the carrier has been seen. Bounded: one entry a cue."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def forget(self) -> None:
        """Begin anew: no carrier was there, and whichever comes now comes as a whole."""
        self._seen.clear()

    def weigh(self, second: int, names: list[str]) -> Cues:
        """Return the heaviest cues of a second that can have one beginning."""
        for name in CHANGES.intersection(names):
            began, last = self._seen.get(name, (second, second))
            if second - last > FORGOTTEN_S:
                began = second
            self._seen[name] = began, second
        begins = {self._seen[name][0] for name in CHANGES.intersection(names)}
        ways = [weighed(list(self._since(begin, names))) for begin in sorted(begins)]
        return max(ways, key=lambda cues: cues.weight, default=weighed(names))

    def _since(self, begin: int, names: list[str]) -> Iterable[str]:
        for name in names:
            if name not in CHANGES or 0 <= self._seen[name][0] - begin <= TOGETHER_S:
                yield name
