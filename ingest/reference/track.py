"""A reference being heard: its line, and how well it holds, second by second."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import FRAMES_PER_SECOND, STEP, STEPS_PER_SECOND
from dsp.recognise.line import SIGNS_PER_CHANCE, fit, follow
from dsp.recognise.reference_index import Line
from dsp.recognise.reference_prints import BLOCK, level_of

HOLDS = 0.28  # agreement of some seconds from which they are this reference
_SECOND_HOLDS = 0.2
_THREE_HOLD = 3.3  # evidence of a second and its neighbours
_ENOUGH_SIGNS = 120  # of a full second's 530: with fewer a second says nothing
_MEMORY_S = 24  # seconds of the stream that are remembered
_REFIT_S = 8


@dataclass(eq=False)
class Track:
    """See the module.

    Parameters
    ----------
    line
        Where it was found.
    words, levels
        Of the reference.
    is_all
        What was heard is a clip that has ended, and all of it lies on the line.
    """

    line: Line
    words: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]
    errors: dict[int, int] = field(default_factory=dict)
    signs: dict[int, int] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)
    gains: list[float] = field(default_factory=list)
    is_all: bool = False

    @property
    def reference(self) -> str:
        """Its id."""
        return self.line.reference

    @property
    def length_s(self) -> float:
        """Length of the reference."""
        return len(self.words) / STEPS_PER_SECOND

    def offset_s(self, second: float) -> float:
        """Moment of the reference at `second` of the stream."""
        return self.line.offset_s(second)

    def take(self, prints: Prints, first: int, last: int) -> None:
        """Compare seconds first to last (not included) of the stream."""
        part = prints.part(first * FRAMES_PER_SECOND, last * FRAMES_PER_SECOND)
        if not len(part):
            return
        found = follow(self.words, part, self.line.offset_frames, self.line.speed)
        for n, (errors, signs) in enumerate(zip(found.errors, found.signs, strict=True)):
            self.errors[found.first_second + n] = int(errors)
            self.signs[found.first_second + n] = int(signs)
        for second in [s for s in self.errors if s < last - _MEMORY_S]:
            del self.errors[second], self.signs[second]

    def refit(self, prints: Prints, last: int) -> None:
        """Turn the line to fit the last seconds before `last`: two clocks drift."""
        part = prints.part((last - _REFIT_S) * FRAMES_PER_SECOND, last * FRAMES_PER_SECOND)
        if len(part) < FRAMES_PER_SECOND:
            return
        middle = part.first + len(part) / 2
        at = self.line.offset_frames + self.line.speed * middle
        near = tuple(self.line.speed + step for step in (0.0, -0.001, 0.001))
        offset, speed, comparison = fit(self.words, part, middle, at, near, (0, -1, 1))
        if comparison.agreement() > HOLDS:
            self.line = Line(self.reference, offset, min(1.011, max(0.989, speed)), comparison)

    def agreement(self, second: int) -> float | None:
        """Of one second; None if too little was said in it."""
        signs = self.signs.get(second, 0)
        return None if signs < _ENOUGH_SIGNS else 1.0 - 2.0 * self.errors[second] / signs

    def evidence_of(self, seconds: Iterable[int]) -> float:
        """Standard deviations above chance over some seconds."""
        chosen = [s for s in seconds if s in self.signs]
        errors, signs = sum(self.errors[s] for s in chosen), sum(self.signs[s] for s in chosen)
        return 0.0 if not signs else (signs - 2.0 * errors) / math.sqrt(signs * SIGNS_PER_CHANCE)

    def covers(self, second: int) -> bool:
        """Tell whether the reference has most of that second of the stream."""
        return -0.5 <= self.offset_s(second) <= self.length_s - 0.5

    def holds(self, second: int) -> bool | None:
        """Tell whether that second is this reference; None if it says nothing by itself.

        A second alone agrees by chance once in thirty: its neighbours are asked too.
        """
        if not self.covers(second):
            return False
        own = self.agreement(second)
        if own is None:
            return None
        return (
            own >= _SECOND_HOLDS and self.evidence_of(range(second - 1, second + 2)) >= _THREE_HOLD
        )

    def is_heard(self, second: int, taken: int) -> bool:
        """Tell whether a second is on the line: it holds, or says nothing between ones that do.

        Seconds below `taken` are known. Of a clip that is all on the line every second is.
        """
        own = self.holds(second)
        if self.is_all:
            return self.covers(second)
        if own is not None:
            if own or not self.covers(second):
                return own
            # One second off in the middle is a click or a gap; two are another programme.
            return bool(self.holds(second - 1)) and bool(self.holds(second + 1))
        before = self._first_that_tells(range(second, second - 6, -1))
        return bool(before or self._first_that_tells(range(second, taken)))

    def _first_that_tells(self, seconds: Iterable[int]) -> bool | None:
        """Return whether the first of `seconds` that says anything holds; None if none does."""
        return next((h for s in seconds if (h := self.holds(s)) is not None), None)

    def hear(self, seconds: Iterable[int]) -> None:
        """Remember that seconds of the stream were this reference."""
        for second in seconds:
            start = self.offset_s(second)
            self.heard.update(
                s for s in (math.floor(start), math.floor(start + 0.98)) if 0 <= s < self.length_s
            )

    def note(self, second: int, level_dbfs: float) -> None:
        """Remember that `second` was heard, at this level in the speech band."""
        self.hear([second])
        start = self.offset_s(second)
        a = max(0, round(start * FRAMES_PER_SECOND / STEP / BLOCK))
        level = level_of(self.levels[a : a + round(STEPS_PER_SECOND / BLOCK)])
        level = level[~np.isnan(level)]
        if len(level):
            self.gains.append(level_dbfs - float(10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))))
            del self.gains[:-600]

    def speaking_seconds(self) -> set[int]:
        """Seconds of the reference in which something is said; a rest below half a one is none."""
        blocks = np.flatnonzero(self.levels)
        seconds = np.floor((blocks + 0.5) * BLOCK / STEPS_PER_SECOND).astype(int)
        return set(seconds[seconds < math.floor(self.length_s + 0.5)].tolist())

    def completeness(self) -> float:
        """Share of its speaking seconds that were heard."""
        speaking = self.speaking_seconds()
        return len(speaking & self.heard) / len(speaking) if speaking else 1.0

    def gain(self) -> tuple[float | None, float | None]:
        """Level heard minus level of the reference, with its uncertainty (k = 2)."""
        if not self.gains:
            return None, None
        gains = np.array(self.gains)
        middle = float(np.median(gains))
        spread = 1.4826 * float(np.median(np.abs(gains - middle)))
        # A median of n has 1.25 times the deviation of a mean; the level itself is good to 0.5 dB.
        return middle, 2.0 * math.hypot(1.25 * spread / math.sqrt(len(gains)), 0.5)
