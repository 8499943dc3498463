"""Second opinions on what was heard lately: whether it is a reference, at a place of it or any.

    opinions = SecondOpinions(bands, rate_hz)
    opinions.take(second_of_sound)
    opinions.newest(Expected("bulletin", 12.0))

The last seconds are set beside the reference itself (`dsp.align.coherence`). A player that jumped
within its bulletin is no other programme: where its place is in doubt, all of it is looked at.
Memory: the references in the speech band (32 kB a second) and `_KEPT_S` of what was heard.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.align.coherence import Opinion, opinion_in_band
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from ingest.watch.lately import Lately

if TYPE_CHECKING:
    from ingest.watch.programme_watch import Expected

WINDOW_S = 4
SEARCHED_S = 6  # a mismatch is looked for elsewhere in the reference every second so long
SEARCH_EVERY_S = 8  # and so often after that
WITHIN_S = 1.0
WITHIN_MATCH_S = 0.3  # a fingerprint's place is good to 0.1 s
# Three or four seconds of the bulletin are 0.9 or more alike, and where a player jumped in the
# midst of them 0.63 or more; another text of its voice 0.34 or less at its place, 0.6 or less
# anywhere but once or twice in a hundred, 0.75 at most (docs/campaigns/strange-voice.md).
SURELY = 0.9
_MAY_HAVE_JUMPED = 0.6
_PLAINLY = 0.2
_KEPT_S = 12


@dataclass
class _Search:
    """A reference that is looked for at any place of it, and what was said of that last."""

    reference: str
    first: int
    last: int = -SEARCH_EVERY_S
    opinion: Opinion | None = None

    def asks(self, second: int) -> bool:
        """Tell whether it is time to look again."""
        return second - self.first < SEARCHED_S or second - self.last >= SEARCH_EVERY_S


class SecondOpinions:
    """The last seconds of a stream beside references.

    Parameters
    ----------
    references
        By id, in the speech band.
    rate_hz
        Of what is heard.
    """

    def __init__(self, references: Mapping[str, Band], rate_hz: int) -> None:
        self._references = references
        self._rate_hz = rate_hz
        self._lately = Lately(rate_hz, _KEPT_S)
        self._searched: _Search | None = None

    def take(self, samples: npt.NDArray[np.float32]) -> None:
        """Keep the next mono samples, float32 (n,)."""
        self._lately.take(samples)

    @property
    def newest_second(self) -> int:
        """The last second that is whole."""
        return self._lately.end // self._rate_hz - 1

    def heard(self, second: int, seconds: int = WINDOW_S) -> Band | None:
        """Return what was heard up to the end of `second`, in the speech band; None if it is gone.

        It is shorter than `seconds` where the stream began within them.
        """
        last = (second + 1) * self._rate_hz
        heard = self._lately.between(max(last - seconds * self._rate_hz, 0), last)
        return None if heard is None else speech_band(np.ascontiguousarray(heard), self._rate_hz)

    def opinion(
        self,
        reference: str,
        second: int,
        place_s: float,
        within_s: float = math.inf,
        seconds: int = WINDOW_S,
    ) -> Opinion | None:
        """Return the opinion on the last seconds; `place_s`: of the reference in `second`."""
        band, heard = self._references.get(reference), self.heard(second, seconds)
        if band is None or heard is None:
            return None
        begins_s = place_s + 1.0 - len(heard) / BAND_RATE_HZ
        return opinion_in_band(band, heard, -begins_s, within_s)

    def newest(self, expected: Expected) -> Opinion | None:
        """Return the opinion on the last whole seconds heard, of which `expected` is the last.

        Heard at another place of the reference than the expected one, it is the same all the same:
        surely so, where its own place is not out of the question. Where the reference has too
        little to compare at its place, all of it is looked at.
        """
        second = self.newest_second
        place_s = expected.place_s
        near = None
        if place_s is not None:
            near = self.opinion(expected.reference, second, place_s, WITHIN_S)
            if near is None or near.likeness >= SURELY:
                self._searched = None
                return near
        search = self._searched
        if search is None or search.reference != expected.reference:
            search = _Search(expected.reference, second)
        self._searched = search
        fresh = search.asks(second)
        if fresh:
            search.last = second
            search.opinion = self.opinion(expected.reference, second, place_s or 0.0)
        found = search.opinion
        if found is not None and _outdoes(found, near):
            return found
        # That nothing was found counts in the second in which it was looked for, once.
        compared = near is not None and near.reading is not None
        return found if fresh and not compared else near

    @property
    def is_dated(self) -> bool:
        """Whether all of the reference was looked at last before the newest second."""
        return self._searched is not None and self._searched.last != self.newest_second

    def begins_s(self, opinion: Opinion) -> float | None:
        """Return where the reference is at the beginning of the newest second, by `opinion`."""
        delay_s = None if opinion.reading is None else opinion.reading.delay.value
        heard_s = min(WINDOW_S, self._lately.end / self._rate_hz)
        return None if delay_s is None else heard_s - 1.0 - delay_s

    def goes_on(self, expected: Expected, seconds: int) -> bool | None:
        """Tell whether the last whole `seconds`, and nothing before them, are what is expected.

        At its very place or, as after a player that jumped, anywhere in it; None where it can't be
        told. All of it is looked at also where its place says too little to compare.
        """
        second, place_s = self.newest_second, expected.place_s
        if place_s is None:
            return None
        near = self.opinion(expected.reference, second, place_s, WITHIN_MATCH_S, seconds)
        if near is None or near.verdict == "same":
            return None if near is None else True
        anywhere = self.opinion(expected.reference, second, place_s, math.inf, seconds)
        if anywhere is None or anywhere.reading is None:
            return None
        if anywhere.likeness >= SURELY:
            return True
        return False if max(near.likeness, anywhere.likeness) < _MAY_HAVE_JUMPED else None


def _outdoes(found: Opinion, near: Opinion | None) -> bool:
    """Tell whether a reference is heard where it was looked for, and not where it was expected."""
    if found.verdict != "same":
        return False
    if near is None or near.reading is None or near.verdict == "different":
        return True
    # A tune's bars are somewhat alike everywhere.
    return found.likeness >= max(SURELY, near.likeness + _PLAINLY)
