"""The last seconds of a stream, for those who look at the sound itself when an answer has come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Lately:
    """Keeps the last `kept_s` of mono samples at `rate_hz`; memory is four times that."""

    def __init__(self, rate_hz: int, kept_s: int) -> None:
        self._rate_hz = rate_hz
        self._kept = kept_s * rate_hz
        # What is kept lies at the end of what is filled, and moves to the front when it is full.
        self._buffer = np.zeros(4 * self._kept, np.float32)
        self._filled = 0
        self.end = 0  # samples taken since the stream began

    def take(self, samples: npt.NDArray[np.float32]) -> None:
        """Keep the next samples, float32 (n,)."""
        self.end += len(samples)
        samples = samples[-self._kept :]
        if self._filled + len(samples) > len(self._buffer):
            first = max(self._filled - self._kept, 0)
            kept = self._buffer[first : self._filled].copy()
            self._buffer[: len(kept)], self._filled = kept, len(kept)
        self._buffer[self._filled : self._filled + len(samples)] = samples
        self._filled += len(samples)

    def between(self, first: int, last: int) -> npt.NDArray[np.float32] | None:
        """Return samples `first` to `last` (not included) of the stream; what is gone is left out.

        None where nothing of it is kept, or its end has not come yet.
        """
        begin = self.end - min(self._filled, self._kept)
        if last > self.end or last <= max(first, begin):
            return None
        offset = self._filled - self.end
        return self._buffer[max(first, begin) + offset : last + offset]
