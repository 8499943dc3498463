"""The spectrum of a capture over time, for looking at: bounded however long it runs.

Frames come five a second, each of a small part of its fifth. Rows are joined two by two whenever
there are too many, so that a minute and a day take the same memory; columns are joined so that a
line narrower than a column still stands out (the highest counts in the peak, the mean in the mean).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.receive.front.spectrum import SpectrumFrame

MOST_ROWS = 400
MOST_COLUMNS = 1_200


class Waterfall:
    """Gathers spectrum frames of one capture.

    Attributes
    ----------
    rate_hz
        Of the capture: the columns span -rate/2 … +rate/2.
    """

    def __init__(self, rate_hz: int) -> None:
        """Begin with nothing."""
        self.rate_hz = rate_hz
        self._rows: list[npt.NDArray[np.float32]] = []
        self._frames_per_row = 1
        self._pending: list[npt.NDArray[np.float32]] = []
        self._total: npt.NDArray[np.float64] | None = None
        self._peak: npt.NDArray[np.float32] | None = None
        self._frames = 0
        self._first = self._last = 0
        self._first_samples = 0

    def add(self, frame: SpectrumFrame) -> None:
        """Take the next frame."""
        mean = joined(frame.mean, np.add) / joined_width(len(frame.mean))
        peak = joined(frame.peak, np.maximum)
        if self._total is None or self._peak is None:
            self._total, self._peak = np.zeros(len(mean)), np.zeros(len(peak), np.float32)
        self._total += mean
        np.maximum(self._peak, peak, out=self._peak)
        if not self._frames:
            self._first, self._first_samples = frame.index, frame.samples
        self._last = frame.index
        self._frames += 1
        self._pending.append(mean.astype(np.float32))
        if len(self._pending) == self._frames_per_row:
            self._rows.append(np.mean(self._pending, axis=0, dtype=np.float32))
            self._pending.clear()
        if len(self._rows) >= MOST_ROWS:
            pairs = zip(self._rows[::2], self._rows[1::2], strict=True)
            self._rows = [(a + b) / np.float32(2) for a, b in pairs]
            self._frames_per_row *= 2

    @property
    def empty(self) -> bool:
        """Whether no frame has come."""
        return self._frames == 0

    @property
    def seconds(self) -> float:
        """Length of the capture from the first frame to the one that would come next."""
        if self._frames <= 1:
            return self._first_samples * self._frames / self.rate_hz
        spacing = (self._last - self._first) / (self._frames - 1)
        return self._frames * spacing / self.rate_hz

    def mean_db(self) -> npt.NDArray[np.float64]:
        """Return the mean power per column in dBFS."""
        assert self._total is not None
        return decibels(self._total / self._frames)

    def peak_db(self) -> npt.NDArray[np.float64]:
        """Return the highest power per column in dBFS."""
        assert self._peak is not None
        return decibels(self._peak.astype(np.float64))

    def rows_db(self) -> npt.NDArray[np.float64]:
        """Return (rows, columns) in dBFS, oldest first."""
        rows = self._rows or [np.mean(self._pending, axis=0)]
        return decibels(np.asarray(rows, np.float64))


def joined_width(bins: int) -> int:
    """How many bins make a column."""
    return -(-bins // MOST_COLUMNS)


def joined(values: npt.NDArray[np.float32], join: np.ufunc) -> npt.NDArray[np.float64]:
    """Return columns of `values`, those of each column joined by a ufunc; the last may be short."""
    edges = np.arange(0, len(values), joined_width(len(values)))
    return np.asarray(join.reduceat(values.astype(np.float64), edges))


def decibels(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 10 lg of a power, at least -200 dB."""
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-20)))
