"""How the delay of a cluster goes over hours: drift of its clock, and jumps where audio was lost.

Both signals are fed as they come, cut anywhere, and need not keep pace with each other. Every
`step_s` of what was heard, the last `window_s` are timed against the reference. The first time the
whole reach is searched, afterwards the neighbourhood of the last delay; where that says nothing,
the whole reach again. What is a jump says `delay_course`; its moment is known to `window_s`.

Memory holds the reach of the reference, the window of what was heard, and a bounded history.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dsp.align.delay import delay_in_band
from dsp.align.delay_course import DelayCourse, DelayRecord, missing_record
from dsp.align.reading import DelayReading
from dsp.align.speech_band import BAND_RATE_HZ, speech_band
from dsp.contract import BlockContractError, require_samples
from dsp.receive.meters.figure import Figure

NEAR_S = 0.25
_PIECE_S = 1.0  # the change of rate works on pieces of this length …
_APRON_S = 0.1  # … with this much on either side, where its ring has died away


class BandStream:
    """A stream at any rate becomes the speech band at 8 kHz, the same however it is cut.

    Parameters
    ----------
    rate_hz
        Of the stream, from 8 kHz; a multiple of 100.
    keep_s
        How much of the output is kept.
    """

    def __init__(self, rate_hz: int, keep_s: float) -> None:
        if rate_hz < BAND_RATE_HZ or rate_hz % 100:
            raise ValueError(f"rate_hz: expected a multiple of 100 from 8000, got {rate_hz}")
        self._rate_hz = rate_hz
        self._keep = math.ceil(keep_s * BAND_RATE_HZ)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._held = np.zeros(round(_APRON_S * self._rate_hz), np.float32)
        self.band = np.zeros(0, np.float32)
        self.end = 0  # samples of the band that were made

    @property
    def start(self) -> int:
        """Number of the first sample kept."""
        return self.end - len(self.band)

    def process(self, samples: npt.NDArray[np.float32]) -> None:
        """Take the next samples, float32 (n,)."""
        self._held = np.concatenate([self._held, samples])
        piece, apron = round(_PIECE_S * self._rate_hz), round(_APRON_S * self._rate_hz)
        made = [self.band]
        while len(self._held) >= piece + 2 * apron:
            whole = speech_band(
                np.ascontiguousarray(self._held[: piece + 2 * apron]), self._rate_hz
            )
            skip = round(_APRON_S * BAND_RATE_HZ)
            made.append(whole[skip : skip + round(_PIECE_S * BAND_RATE_HZ)])
            self._held = self._held[piece:].copy()
            self.end += len(made[-1])
        self.band = np.concatenate(made)[-self._keep :]


class DelayTracker:
    """Follows the delay between a reference and what was heard; see the module.

    Parameters
    ----------
    rate_hz
        Of both signals; a multiple of 100 from 8000.
    reach_s
        Largest delay either way that is looked for.
    window_s, step_s
        What one record looks at, and how far apart records are.
    history
        Most records kept.
    """

    def __init__(
        self,
        rate_hz: int,
        *,
        reach_s: float = 60.0,
        window_s: float = 10.0,
        step_s: float = 5.0,
        history: int = 1_000,
    ) -> None:
        if not 3.0 <= window_s <= 120.0 or not 1.0 <= step_s <= window_s:
            raise ValueError(
                f"window_s, step_s: expected 3 … 120 and 1 … window, got {window_s}, {step_s}"
            )
        if not 1.0 <= reach_s <= 900.0 or history < 1:
            raise ValueError(f"reach_s: expected 1 … 900, got {reach_s}; history from 1")
        self._reach_s = reach_s
        self._window_s = window_s
        self._step_s = step_s
        # What was heard waits until the reference has come as far as it could be early.
        self._reference = BandStream(rate_hz, 3.0 * reach_s + window_s + 2.0)
        self._heard = BandStream(rate_hz, 2.0 * reach_s + window_s + step_s + 2.0)
        self._course = DelayCourse(overlap=window_s / step_s)
        self.history: deque[DelayRecord] = deque(maxlen=history)
        self.reset()

    def reset(self) -> None:
        """Forget both streams and the history."""
        self._reference.reset()
        self._heard.reset()
        self.history.clear()
        self._due_s = self._window_s
        self._course.reset()

    def process(
        self, reference: npt.NDArray[np.float32], heard: npt.NDArray[np.float32]
    ) -> list[DelayRecord]:
        """Take the next samples of both (mono float32 (n,), either may be empty); return records.

        Raises
        ------
        BlockContractError
            Of another type or not finite; nothing has been taken then.
        """
        for samples in (reference, heard):
            require_samples(samples, np.float32)
        if max(len(reference), len(heard)) > _LONGEST_PIECE:
            raise BlockContractError("samples", f"at most {_LONGEST_PIECE}", "a longer piece")
        made = []
        # A second at a time, so that what is kept does not depend on how the stream is cut.
        step = self._reference._rate_hz  # noqa: SLF001 - its own part
        for start in range(0, max(len(reference), len(heard), 1), step):
            self._reference.process(reference[start : start + step])
            self._heard.process(heard[start : start + step])
            made += self._ready()
        return made

    def _ready(self) -> list[DelayRecord]:
        made = []
        while self._heard.end >= self._due_s * BAND_RATE_HZ:
            # A delay of −reach needs the reference that much further on.
            if self._reference.end < (self._due_s + self._reach_s) * BAND_RATE_HZ and (
                self._heard.end < (self._due_s + 2.0 * self._reach_s) * BAND_RATE_HZ
            ):
                break
            made.append(self._measure(self._due_s))
            self._due_s += self._step_s
        self.history.extend(made)
        return made

    def _measure(self, end_s: float) -> DelayRecord:
        last = round(end_s * BAND_RATE_HZ) - self._heard.start
        first = last - round(self._window_s * BAND_RATE_HZ)
        middle_s = end_s - self._window_s / 2.0
        if first < 0:
            return missing_record(middle_s, "inconclusive: the reference came too late")
        heard = self._heard.band[first:last]
        begin_s = end_s - self._window_s
        reading = None
        if self._course.last is not None:
            near_s = self._course.last.delay.value or 0.0
            reading = self._read(heard, begin_s, (near_s - NEAR_S, near_s + NEAR_S))
        if reading is None or reading.delay.invalid is not None:
            reading = self._read(heard, begin_s, (-self._reach_s, self._reach_s))
        return self._course.add(middle_s, reading)

    def _read(
        self, heard: npt.NDArray[np.float32], begin_s: float, range_s: tuple[float, float]
    ) -> DelayReading:
        """Time `heard`, which begins at `begin_s`, against the reference that can be in it."""
        start_s = max(begin_s - range_s[1], self._reference.start / BAND_RATE_HZ)
        first = max(round(start_s * BAND_RATE_HZ) - self._reference.start, 0)
        end_s = begin_s + self._window_s - range_s[0]
        last = max(round(end_s * BAND_RATE_HZ) - self._reference.start, first)
        part = self._reference.band[first:last]
        origin_s = (first + self._reference.start) / BAND_RATE_HZ
        moved_s = begin_s - origin_s  # the piece heard begins this much after the part
        reading = delay_in_band(part, heard, range_s=(range_s[0] - moved_s, range_s[1] - moved_s))
        if reading.delay.value is None or reading.delay.invalid is not None:
            return reading
        shifted = Figure(reading.delay.value + moved_s, reading.delay.u)
        return replace(reading, delay=shifted)


_LONGEST_PIECE = 200_000_000
