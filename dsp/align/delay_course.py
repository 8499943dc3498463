"""One delay after another becomes a course: jumps, and the drift of the clock between them.

Two delays further apart than they can be, by their uncertainty and the largest drift, are a jump.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dsp.align.reading import DelayReading
from dsp.receive.meters.figure import Figure

_MOST_DRIFT = 300e-6
_LINE_RECORDS = 60
_LEAST_RECORDS = 4
_RESOLVED_S = 0.02e-3


@dataclass(frozen=True)
class DelayRecord:
    """One entry of the history.

    Attributes
    ----------
    heard_s
        Middle of the window, in seconds of what was heard.
    delay
        Seconds, + = heard later, or why there is none.
    drift_ppm
        Over the records since the last jump (straight line), or of this window alone.
    jump_s
        By how much the delay jumped since the last valid record; None where it did not.
    """

    heard_s: float
    delay: Figure
    drift_ppm: Figure
    jump_s: float | None


class DelayCourse:
    """The records of one path in order.

    Parameters
    ----------
    overlap
        How often the same sound is in a window: windows of 10 s every 5 s overlap twice.
    """

    def __init__(self, *, overlap: float = 1.0) -> None:
        self._overlap = overlap
        self.reset()

    def reset(self) -> None:
        """Forget what was."""
        self._since: list[DelayRecord] = []  # the last jump

    @property
    def last(self) -> DelayRecord | None:
        """The last record that had a delay."""
        return self._since[-1] if self._since else None

    def add(self, middle_s: float, reading: DelayReading) -> DelayRecord:
        """Return the record of a reading whose window has its middle at `middle_s`."""
        if reading.delay.value is None or reading.delay.invalid:
            return missing_record(middle_s, reading.delay.invalid or "inconclusive")
        jump_s, last = None, self.last
        if last is not None and last.delay.value is not None:
            moved_s = reading.delay.value - last.delay.value
            may_s = _MOST_DRIFT * (middle_s - last.heard_s) + (reading.delay.u or 0.0)
            if abs(moved_s) > may_s + (last.delay.u or 0.0):
                jump_s = moved_s
                self._since.clear()
        record = DelayRecord(middle_s, reading.delay, reading.drift_ppm, jump_s)
        self._since.append(record)
        del self._since[:-_LINE_RECORDS]
        return replace(record, drift_ppm=self._drift(reading.drift_ppm))

    def _drift(self, of_window: Figure) -> Figure:
        """Return the slope over the records since the last jump, or that of the window alone."""
        if len(self._since) < _LEAST_RECORDS:
            return of_window
        time_s = np.array([record.heard_s for record in self._since])
        value_s = np.array([record.delay.value for record in self._since], np.float64)
        place_s = time_s - time_s.mean()
        square = float(np.sum(place_s**2))
        slope = float(np.sum(place_s * value_s)) / square
        rest = value_s - value_s.mean() - slope * place_s
        # Windows overlap: only so many are news.
        degrees = max(len(rest) / self._overlap - 2.0, 1.0)
        sigma_s = float(np.sqrt(np.sum(rest**2) / degrees / 2.0)) + _RESOLVED_S
        return Figure(slope * 1e6, 2e6 * sigma_s / math.sqrt(square))


def missing_record(middle_s: float, why: str) -> DelayRecord:
    """Return the record of a window that told no delay."""
    none = Figure.missing(why)
    return DelayRecord(middle_s, none, none, None)
