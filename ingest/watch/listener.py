"""What a station says, recognised and confirmed: the recogniser's answers with a second opinion.

The fingerprint names a reference or says that it knows none; before anybody is alarmed, and before
a match is believed, the last seconds are set beside the reference itself (`dsp.align.coherence`).
Where a reference was being heard and the fingerprint does not say so any more, whatever else it
says, that is a mismatch to be asked about. Before one is confirmed, the whole reference is looked
through: a player that jumped within its bulletin is no other programme.
Memory: the references in the speech band (32 kB a second) and `_KEPT_S` of what was heard.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.align.coherence import Opinion, opinion_in_band
from dsp.align.speech_band import Band, speech_band
from ingest.watch.dead_air import Quiet
from ingest.watch.lately import Lately
from ingest.watch.programme_watch import Following
from ingest.watch.quiet import quiet_at_end

if TYPE_CHECKING:
    from ingest.reference.answer import Answer
    from ingest.reference.recogniser import Recogniser
    from ingest.watch.programme_watch import Expected

WINDOW_S = 4
MATCH_EVERY_S = 10  # a match that goes on is confirmed again so often
PROVED_S = 20  # so long a place that was surely heard is left for a sure one only
SEARCHED_S = 6  # a mismatch is looked for elsewhere in the reference every second so long
SEARCH_EVERY_S = 8  # and so often after that
_WITHIN_S = 1.0
# Three or four seconds of the bulletin are 0.9 or more alike, and where a player jumped in the
# midst of them 0.63 or more; another text of its voice 0.34 or less at its place, 0.6 or less
# anywhere but once or twice in a hundred, 0.75 at most (docs/campaigns/strange-voice.md).
_SURELY_ELSEWHERE = 0.9
_MAY_HAVE_JUMPED = 0.6
_PLAINLY = 0.2
_WITHIN_MATCH_S = 0.3  # a fingerprint's place is good to 0.1 s
_KEPT_S = 12
QUIET_WINDOW_S = 4


@dataclass(frozen=True)
class Confirmed:
    """An answer, and what the second opinion says of the mismatch in it (None: nothing)."""

    answer: Answer
    confirmed: bool | None
    opinion: Opinion | None = None
    place: Following | None = None  # where it was found that the fingerprint did not name


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


class Listener:
    """Recognises and confirms, second by second.

    Parameters
    ----------
    recogniser
        For mono at `rate_hz`.
    references
        Those of the index by id, in the speech band.
    rate_hz
        Of what is heard.
    """

    def __init__(
        self, recogniser: Recogniser, references: Mapping[str, Band], rate_hz: int = 48_000
    ) -> None:
        self._recogniser = recogniser
        self._references = references
        self._rate_hz = rate_hz
        self._lately = Lately(rate_hz, _KEPT_S)
        self._believed: tuple[str, int] | None = None
        self._proved: Following | None = None  # the last place at which a reference surely was
        self._searched: _Search | None = None
        self._gain_db: float | None = None  # at which references are heard

    def process(
        self,
        samples: npt.NDArray[np.float32],
        expected: Expected | None,
        due: frozenset[str] = frozenset(),
    ) -> list[Confirmed]:
        """Take a second of mono samples, float32 (n,); return the answers they complete, confirmed.

        `expected` is what should be heard in it, as far as the watch knows; `due` what may be by
        the schedule, which needs less proof than any other of the index.
        """
        self._lately.take(samples)
        self._recogniser.due = due
        return [self._confirm(answer, expected) for answer in self._recogniser.process(samples)]

    def quiet(self, expected: Expected | None) -> Quiet | None:
        """Return since when nothing is heard, where something was expected in the last second."""
        if expected is None or expected.place_s is None or self._gain_db is None:
            return None
        last = (self._newest_second + 1) * self._rate_hz
        heard = self._lately.between(last - QUIET_WINDOW_S * self._rate_hz, last)
        if heard is None:
            return None
        begins_s = expected.place_s + 1.0 - len(heard) / self._rate_hz
        band = speech_band(np.ascontiguousarray(heard), self._rate_hz)
        return quiet_at_end(band, self._references[expected.reference], begins_s, self._gain_db)

    def finish(self) -> list[Confirmed]:
        """Return the answers that were still to come, unconfirmed."""
        return [Confirmed(answer, None) for answer in self._recogniser.finish()]

    def _confirm(self, answer: Answer, expected: Expected | None) -> Confirmed:
        if answer.verdict not in ("match", "unknown", "inconclusive"):
            return Confirmed(answer, None)
        found = Confirmed(answer, None)
        if answer.verdict == "match":
            found = self._confirm_match(answer, expected)
            self._gain_db = self._gain_db if answer.gain_db is None else answer.gain_db
        if expected is None or found.answer.reference == expected.reference:
            return found
        # The answer is seconds old; what counts is whether it goes on.
        opinion = self.newest(expected)
        place = self._place(expected.reference, opinion)
        return replace(found, confirmed=different(opinion), opinion=opinion, place=place)

    def _place(self, reference: str, opinion: Opinion | None) -> Following | None:
        """Return where an opinion of this second has found what was expected."""
        if opinion is None or opinion.verdict != "same" or opinion.reading is None:
            return None
        delay_s, second = opinion.reading.delay.value, self._newest_second
        # An opinion of a search may be some seconds old.
        if delay_s is None or (self._searched is not None and self._searched.last != second):
            return None
        heard_s = min(WINDOW_S, self._lately.end / self._rate_hz)
        place = Following(reference, second, heard_s - 1.0 - delay_s)
        self._proves(opinion, place)
        return place

    def _proves(self, opinion: Opinion, place: Following) -> None:
        """Keep a place at which a reference is surely heard."""
        if opinion.likeness >= _SURELY_ELSEWHERE:
            self._proved = place

    def goes_on(self, expected: Expected, seconds: int) -> bool | None:
        """Tell whether the last whole `seconds`, and nothing before them, are what is expected.

        At its very place or, as after a player that jumped, anywhere in it; None where it can't be
        told. All of it is looked at also where its place says too little to compare.
        """
        second, place_s = self._newest_second, expected.place_s
        if place_s is None:
            return None
        near = self.opinion(expected.reference, second, place_s, _WITHIN_MATCH_S, seconds)
        if near is None or near.verdict == "same":
            return None if near is None else True
        anywhere = self.opinion(expected.reference, second, place_s, math.inf, seconds)
        if anywhere is None or anywhere.reading is None:
            return None
        if anywhere.likeness >= _SURELY_ELSEWHERE:
            return True
        return False if max(near.likeness, anywhere.likeness) < _MAY_HAVE_JUMPED else None

    def newest(self, expected: Expected) -> Opinion | None:
        """Return the opinion on the last whole seconds heard, of which `expected` is the last.

        Heard at another place of the reference than the expected one, it is the same all the same:
        surely so, where its own place is not out of the question. Where the reference has too
        little to compare at its place, all of it is looked at.
        """
        second = self._newest_second
        place_s = expected.place_s
        near = None
        if place_s is not None:
            near = self.opinion(expected.reference, second, place_s, _WITHIN_S)
            if near is None or near.likeness >= _SURELY_ELSEWHERE:
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

    def _confirm_match(self, answer: Answer, expected: Expected | None) -> Confirmed:
        """Ask about a match when it begins, when its place jumps, and now and then else."""
        assert answer.reference is not None
        believed = self._believed
        known = believed is not None and believed[0] == answer.reference
        fresh = believed is not None and answer.second - believed[1] < MATCH_EVERY_S
        jumps = self._jumps(answer, expected)
        if known and fresh and not jumps:
            return Confirmed(answer, None)
        place_s = answer.offset_s or 0.0
        opinion = self.opinion(answer.reference, answer.second, place_s, _WITHIN_MATCH_S)
        if jumps or (opinion is not None and opinion.verdict == "same"):
            # Music comes again: its place is what is most like it.
            surely = opinion is not None and opinion.likeness >= _SURELY_ELSEWHERE
            if not surely and (jumps or self._surely_elsewhere(answer)):
                return Confirmed(_doubted(answer), None, opinion)
        if opinion is not None and opinion.verdict != "same":
            # What was believed before is given up only for another; what was not must be the same.
            if known and opinion.verdict == "inconclusive":
                return Confirmed(answer, None, opinion)
            self._believed = None
            return Confirmed(_doubted(answer), None, opinion)
        if opinion is not None and opinion.verdict == "same":
            self._believed = (answer.reference, answer.second)
            self._proves(opinion, Following(answer.reference, answer.second, place_s))
        return Confirmed(answer, None, opinion)

    def _surely_elsewhere(self, answer: Answer) -> bool:
        """Tell whether the seconds of a match are surely heard, here or elsewhere."""
        assert answer.reference is not None
        place_s = answer.offset_s or 0.0
        anywhere = self.opinion(answer.reference, answer.second, place_s)
        return anywhere is not None and anywhere.likeness >= _SURELY_ELSEWHERE

    def _jumps(self, answer: Answer, expected: Expected | None) -> bool:
        """Tell whether a match is of what is expected, or was surely heard, at another place."""
        places = []
        if expected is not None and expected.place_s is not None:
            places.append(Following(expected.reference, self._newest_second, expected.place_s))
        proved = self._proved
        if proved is not None and answer.second - proved.second < PROVED_S:
            places.append(proved)
        place_s = answer.offset_s or 0.0
        return any(
            place.reference == answer.reference
            and abs(place.place_s(answer.second) - place_s) > _WITHIN_S
            for place in places
        )

    def opinion(
        self,
        reference: str,
        second: int,
        place_s: float,
        within_s: float = math.inf,
        seconds: int = WINDOW_S,
    ) -> Opinion | None:
        """Return the opinion on the last seconds; `place_s`: of the reference in `second`."""
        band = self._references.get(reference)
        last = (second + 1) * self._rate_hz
        heard = self._lately.between(max(last - seconds * self._rate_hz, 0), last)
        if band is None or heard is None:
            return None
        begins_s = place_s + 1.0 - len(heard) / self._rate_hz
        sound = speech_band(np.ascontiguousarray(heard), self._rate_hz)
        return opinion_in_band(band, sound, -begins_s, within_s)

    @property
    def _newest_second(self) -> int:
        return self._lately.end // self._rate_hz - 1


def _outdoes(found: Opinion, near: Opinion | None) -> bool:
    """Tell whether a reference is heard where it was looked for, and not where it was expected."""
    if found.verdict != "same":
        return False
    if near is None or near.reading is None or near.verdict == "different":
        return True
    # A tune's bars are somewhat alike everywhere.
    return found.likeness >= max(_SURELY_ELSEWHERE, near.likeness + _PLAINLY)


def _doubted(answer: Answer) -> Answer:
    """Return a match as one that the second opinion does not bear out."""
    assert answer.reference is not None
    others = tuple(sorted({answer.reference, *answer.others}))
    return replace(answer, verdict="inconclusive", reference=None, others=others)


def different(opinion: Opinion | None) -> bool | None:
    """Return True for "different", False for "same", None where nothing can be said."""
    if opinion is None or opinion.verdict == "inconclusive":
        return None
    return opinion.verdict == "different"
