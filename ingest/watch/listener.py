"""What a station says, recognised and confirmed: the recogniser's answers with a second opinion.

The fingerprint names a reference or says that it knows none; before anybody is alarmed, and before
a match is believed, the last seconds are set beside the reference itself (`second_opinions`).
Where a reference was being heard and the fingerprint does not say so any more, whatever else it
says, that is a mismatch to be asked about. A place at which a reference was surely heard is left
for another only where that is sure, too: music comes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsp.align.speech_band import BAND_RATE_HZ
from ingest.watch.programme_watch import Following
from ingest.watch.quiet import quiet_at_end
from ingest.watch.second_opinions import SURELY, WITHIN_MATCH_S, WITHIN_S, SecondOpinions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dsp.align.coherence import Opinion
    from dsp.align.speech_band import Band
    from ingest.reference.answer import Answer
    from ingest.reference.recogniser import Recogniser
    from ingest.watch.dead_air import Quiet
    from ingest.watch.programme_watch import Expected

MATCH_EVERY_S = 10  # a match that goes on is confirmed again so often
PROVED_S = 20  # so long a place that was surely heard is left for a sure one only


@dataclass(frozen=True)
class Confirmed:
    """An answer, and what the second opinion says of the mismatch in it (None: nothing)."""

    answer: Answer
    confirmed: bool | None
    opinion: Opinion | None = None
    place: Following | None = None  # where it was found that the fingerprint did not name


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
        self.opinions = SecondOpinions(references, rate_hz)
        self._believed: tuple[str, int] | None = None
        self._proved: Following | None = None  # the last place at which a reference surely was
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
        self.opinions.take(samples)
        self._recogniser.due = due
        return [self._confirm(answer, expected) for answer in self._recogniser.process(samples)]

    def quiet(self, expected: Expected | None) -> Quiet | None:
        """Return since when nothing is heard, where something was expected in the last second."""
        if expected is None or expected.place_s is None or self._gain_db is None:
            return None
        heard = self.opinions.heard(self.opinions.newest_second)
        if heard is None:
            return None
        begins_s = expected.place_s + 1.0 - len(heard) / BAND_RATE_HZ
        return quiet_at_end(heard, self._references[expected.reference], begins_s, self._gain_db)

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
        opinion = self.opinions.newest(expected)
        place = self._place(expected.reference, opinion)
        return replace(found, confirmed=different(opinion), opinion=opinion, place=place)

    def _place(self, reference: str, opinion: Opinion | None) -> Following | None:
        """Return where an opinion of this second has found what was expected."""
        if opinion is None or opinion.verdict != "same" or self.opinions.is_dated:
            return None
        begins_s = self.opinions.begins_s(opinion)
        if begins_s is None:
            return None
        place = Following(reference, self.opinions.newest_second, begins_s)
        self._proves(opinion, place)
        return place

    def _proves(self, opinion: Opinion, place: Following) -> None:
        """Keep a place at which a reference is surely heard."""
        if opinion.likeness >= SURELY:
            self._proved = place

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
        opinion = self.opinions.opinion(answer.reference, answer.second, place_s, WITHIN_MATCH_S)
        borne_out = self._bears_out(opinion, answer, jumps=jumps, known=known)
        return Confirmed(answer if borne_out else _doubted(answer), None, opinion)

    def _bears_out(
        self, opinion: Opinion | None, answer: Answer, *, jumps: bool, known: bool
    ) -> bool:
        """Tell whether a match is believed; `known`: its reference was before."""
        assert answer.reference is not None
        surely = opinion is not None and opinion.likeness >= SURELY
        if jumps and not surely:
            return False
        if opinion is None:
            return True
        if opinion.verdict == "same":
            # Music comes again: its place is what is most like it.
            if not surely and self._surely_elsewhere(answer):
                return False
            self._believed = (answer.reference, answer.second)
            place = Following(answer.reference, answer.second, answer.offset_s or 0.0)
            self._proves(opinion, place)
            return True
        # What was believed before is given up only for another; what was not must be the same.
        if known and opinion.verdict == "inconclusive":
            return True
        self._believed = None
        return False

    def _surely_elsewhere(self, answer: Answer) -> bool:
        """Tell whether the seconds of a match are surely heard, here or elsewhere."""
        assert answer.reference is not None
        place_s = answer.offset_s or 0.0
        anywhere = self.opinions.opinion(answer.reference, answer.second, place_s)
        return anywhere is not None and anywhere.likeness >= SURELY

    def _jumps(self, answer: Answer, expected: Expected | None) -> bool:
        """Tell whether a match is of what is expected, or was surely heard, at another place."""
        places = []
        if expected is not None and expected.place_s is not None:
            places.append(
                Following(expected.reference, self.opinions.newest_second, expected.place_s)
            )
        proved = self._proved
        if proved is not None and answer.second - proved.second < PROVED_S:
            places.append(proved)
        place_s = answer.offset_s or 0.0
        return any(
            place.reference == answer.reference
            and abs(place.place_s(answer.second) - place_s) > WITHIN_S
            for place in places
        )


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
