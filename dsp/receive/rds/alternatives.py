"""Alternative frequencies from pairs of codes (IEC 62106 clause 3.2.1.6, methods A and B).

A list begins with a code 224 + n and has n frequencies, two codes a group, the first beside the
length. Method B puts the frequency to which the list belongs first and then into every pair:
ascending for the same programme, descending for a regional variant. A low or medium frequency is
one code after the mark 250. Fillers are passed over. Nothing in 54 to 68 MHz can be named.
"""

from __future__ import annotations

from typing import Final

from dsp.rds.frequencies import (
    AF_BASE_HZ,
    AF_FILLER,
    AF_FIRST_CODE,
    AF_LAST_CODE,
    AF_LF_MF_FOLLOWS,
    AF_MOST,
    AF_NONE,
    AF_STEP_HZ,
)
from dsp.receive.rds.votes import Vote

# Table 12: codes 1 to 15 are long wave, 16 to 135 medium wave, in 9 kHz steps.
_LF_BASE_HZ: Final = 144_000
_MF_BASE_HZ: Final = 387_000
_LF_LAST: Final = 15
_MF_LAST: Final = 135
_CHANNEL_HZ: Final = 9_000
_MOST_KEPT: Final = 64


def vhf_hz(code: int) -> int | None:
    """Return the frequency of a code of table 10, None for anything else."""
    if AF_FIRST_CODE <= code <= AF_LAST_CODE:
        return AF_BASE_HZ + code * AF_STEP_HZ
    return None


def lf_mf_hz(code: int) -> int | None:
    """Return the frequency of a code after the mark for low and medium frequencies."""
    if AF_FIRST_CODE <= code <= _LF_LAST:
        return _LF_BASE_HZ + code * _CHANNEL_HZ
    if _LF_LAST < code <= _MF_LAST:
        return _MF_BASE_HZ + code * _CHANNEL_HZ
    return None


class AlternativeFrequencies:
    """Collects the lists of one station; a frequency is shown when it came twice.

    Attributes
    ----------
    method
        "A", "B", or None while no list tells.
    """

    def __init__(self) -> None:
        self._seen: dict[int, Vote[bool]] = {}
        self._regional: set[int] = set()
        self._tuned: int | None = None  # first frequency of the list going on
        self._pairs = self._pairs_with_tuned = 0
        self.method: str | None = None
        self.none_announced = False

    def hear(self, pair: int, weight: int, sample: int) -> None:
        """Take block C of a group 0A."""
        one, other = pair >> 8, pair & 0xFF
        if one == AF_LF_MF_FOLLOWS:
            self._enter(lf_mf_hz(other), weight, sample)
            return
        if AF_NONE <= one <= AF_NONE + AF_MOST:
            self._begin(one - AF_NONE, vhf_hz(other), weight, sample)
            return
        first, second = vhf_hz(one), vhf_hz(other)
        if first is not None and second is not None:
            self._count_pair(first, second)
        self._enter(first, weight, sample)
        if other != AF_FILLER:
            self._enter(second, weight, sample)

    def _begin(self, count: int, tuned: int | None, weight: int, sample: int) -> None:
        self.none_announced = count == 0
        self._judge()
        self._tuned = tuned
        self._enter(tuned, weight, sample)

    def _count_pair(self, first: int, second: int) -> None:
        self._pairs += 1
        if self._tuned in (first, second):
            self._pairs_with_tuned += 1
            if first > second:
                self._regional.add(second if first == self._tuned else first)

    def _judge(self) -> None:
        """Tell the method by the list that has just ended."""
        if self._pairs:
            is_b = self._pairs_with_tuned == self._pairs and self._pairs > 1
            self.method = "B" if is_b else "A"
        self._pairs = self._pairs_with_tuned = 0

    def _enter(self, frequency_hz: int | None, weight: int, sample: int) -> None:
        if frequency_hz is None:
            return
        if frequency_hz not in self._seen:
            if len(self._seen) >= _MOST_KEPT:
                self._forget_oldest()
            self._seen[frequency_hz] = Vote()
        self._seen[frequency_hz].hear(True, weight, sample)

    def _forget_oldest(self) -> None:
        del self._seen[min(self._seen, key=lambda f: self._seen[f].heard)]

    def fresh(self, now: int, age: int) -> list[int]:
        """Return the frequencies in Hz heard at most `age` samples before `now`, ascending."""
        return sorted(f for f, vote in self._seen.items() if vote.fresh(now, age))

    def regional(self) -> list[int]:
        """Return those of method B that belong to regional variants."""
        return sorted(self._regional) if self.method == "B" else []
