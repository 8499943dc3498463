"""Audio by its place in the stream: what came when, in whatever order, and what did not.

A ring of samples with a mask beside it. Places are absolute and count samples of the codec's rate;
the ring holds the last `length` of them. Late is what lies before the place that was read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples


class Timeline:
    """The ring.

    Parameters
    ----------
    length
        Samples it holds.
    """

    def __init__(self, length: int) -> None:
        self._samples: Samples = np.zeros(length, np.float32)
        self._there = np.zeros(length, np.bool_)
        self.length = length
        self.read_to = 0  # nothing before this is wanted any more
        self.end = 0  # after the last sample that came

    def rewind(self, read_to: int) -> None:
        """Want what comes from an earlier place on again; what was given up is gone."""
        if read_to >= self.read_to:
            return
        again = min(self.read_to - read_to, self.length)
        # The ring's places of what is wanted again hold what lies a length later.
        self._there[np.arange(read_to, read_to + again) % self.length] = False
        self.end = max(read_to, min(self.end, read_to + self.length))
        self.read_to = read_to

    def write(self, start: int, samples: Samples) -> bool:
        """Lay `samples` down at `start`; False where that is all too late or too early."""
        first = max(start, self.read_to)
        last = min(start + len(samples), self.read_to + self.length)
        if first >= last:
            return False
        where = np.arange(first, last) % self.length
        self._samples[where] = samples[first - start : last - start]
        self._there[where] = True
        self.end = max(self.end, last)
        return True

    def read(self, start: int, count: int) -> tuple[Samples, npt.NDArray[np.bool_]]:
        """Return `count` samples from `start` on, and which of them came; what did not is 0."""
        places = np.arange(start, start + count)
        where = places % self.length
        inside = (places >= self.read_to) & (places < self.read_to + self.length)
        there = self._there[where] & inside
        return np.where(there, self._samples[where], np.float32(0.0)), there

    def has(self, start: int, count: int) -> bool:
        """Whether all of it came."""
        return bool(self.read(start, count)[1].all())

    def advance(self, read_to: int) -> None:
        """Give up what lies before `read_to`."""
        if read_to <= self.read_to:
            return
        given_up = min(read_to - self.read_to, self.length)
        self._there[np.arange(read_to - given_up, read_to) % self.length] = False
        self.read_to = read_to
        self.end = max(self.end, read_to)
