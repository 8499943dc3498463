"""Peer: audfprint (D. Ellis, MIT), the landmark method, as PyPI has it under `audfprint2`.

    pip install audfprint2

Its own analyzer, hash table and matcher in process, with the settings of its command line: density
20, fan-out 3, one print of references, four shifted prints of queries. Landmark prints are covered
by patents of others in places (US6990453 has run out in most): nothing of Loa is built on them.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from bench.match.system import RATE_HZ, Found, Sound

_RATE_HZ = 11_025
_HOP = 256
_QUERY_SHIFTS = 4

Hashes = npt.NDArray[np.int32]


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("audfprint2") is not None


class Audfprint:
    """One index of landmark hashes."""

    name = "audfprint"
    threshold = 5.0  # its own: five hashes in line

    def __init__(self) -> None:
        from audfprint2.core.analyzer import Analyzer
        from audfprint2.core.hash_table import HashTable
        from audfprint2.core.matcher import Matcher

        self._analyzer = Analyzer(20.0)
        self._table = HashTable(hashbits=20, depth=100, maxtime=1 << 14)
        self._matcher = Matcher()
        self._matcher.threshcount = 1

    def hashes_of(self, sound: Sound, shifts: int) -> Hashes:
        """Landmark hashes, int32 (k, 2) of time and hash."""
        from audfprint2.core.analyzer import landmarks2hashes

        low = soxr.resample(sound, RATE_HZ, _RATE_HZ)
        found = []
        for shift in range(shifts):
            peaks = self._analyzer.find_peaks(low[shift * _HOP // shifts :], _RATE_HZ)
            found.append(landmarks2hashes(self._analyzer.peaks2landmarks(peaks)))
        whole = np.concatenate(found) if found else np.zeros((0, 2), np.int32)
        return np.unique(whole, axis=0) if len(whole) else whole.reshape(0, 2)

    def add(self, name: str, sound: Sound) -> None:
        """Take a bulletin into the index."""
        hashes = self.hashes_of(sound, 1)
        self._table.store(name, [(int(time), int(value)) for time, value in hashes])

    def query(self, sound: Sound) -> Found | None:
        """Return the reference with most hashes in line; the score is their number."""
        return self.search(self.hashes_of(sound, _QUERY_SHIFTS))

    def search(self, hashes: Hashes) -> Found | None:
        """The same for hashes that are there already."""
        if not len(hashes):
            return None
        results: Any = self._matcher.match_hashes(self._table, hashes)
        if not len(results):
            return None
        best = results[int(np.argmax(results[:, 1]))]
        name = str(self._table.names[int(best[0])])
        return Found(name, float(best[2]) * _HOP / _RATE_HZ, float(best[1]))
