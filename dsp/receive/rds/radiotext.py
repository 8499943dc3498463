"""RadioText (groups 2A and 2B, IEC 62106 clause 3.1.5.3): which segments belong to one text.

The text A/B flag turns over with a new text. One turned flag alone may be a wrong bit, so its
segments wait; with the second of its kind the text before is left and the waiting segments are the
beginning of the new one. Nothing of the new text is lost, however often a station turns the flag.
"""

from __future__ import annotations

from typing import Final

from dsp.receive.rds.votes import CLEAN, SegmentedText

_SEGMENTS: Final = 16
_NEEDED_TO_TURN: Final = 2

_Segment = tuple[int, bytes, int, int]


class RadioText:
    """RadioText of one station.

    Attributes
    ----------
    flag
        The text A/B flag, 0 or 1; None before the first segment.
    """

    def __init__(self) -> None:
        self.flag: int | None = None
        self._kind: tuple[int, bool] | None = None
        self._waiting: list[_Segment] = []
        self.text = SegmentedText(_SEGMENTS, 4, CLEAN)

    def hear(self, b: int, data: bytes, weight: int, sample: int) -> None:
        """Take a segment: block B, the letters (2 or 4), their weight."""
        kind = (b >> 4 & 1, bool(b & 0x0800))
        segment = (b & 0xF, data, weight, sample)
        if kind == self._kind:
            self._waiting.clear()
            self.text.hear(*segment)
            return
        self._waiting.append(segment)
        if self._kind is not None and len(self._waiting) < _NEEDED_TO_TURN:
            return
        self._turn(kind)

    def _turn(self, kind: tuple[int, bool]) -> None:
        """Leave the text before and begin a new one with what has waited."""
        fresh = SegmentedText(_SEGMENTS, 2 if kind[1] else 4, CLEAN)
        fresh.shown, fresh.heard = self.text.shown, self.text.heard
        self.text, self._kind, self.flag = fresh, kind, kind[0]
        for segment in self._waiting:
            if len(segment[1]) == fresh.width:
                self.text.hear(*segment)
        self._waiting.clear()
