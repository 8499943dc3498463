"""What a station says, recognised and confirmed: the recogniser's answers with a second opinion.

The fingerprint names a reference or says that it knows none; before anybody is alarmed, and before
a match is believed, the last seconds are set beside the reference itself (`dsp.align.coherence`).
Memory: the references in the speech band (32 kB a second) and `WINDOW_S` of what was heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.align.coherence import Opinion, opinion_in_band
from dsp.align.envelopes import FRAME_HZ, band_powers
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from ingest.watch.programme_watch import Following

if TYPE_CHECKING:
    from ingest.reference.answer import Answer
    from ingest.reference.recogniser import Recogniser

WINDOW_S = 4
MATCH_EVERY_S = 10  # a match that goes on is confirmed again so often
_WITHIN_S = 1.0
_KEPT_S = 12
_SPEAKING_DB = -30.0


@dataclass(frozen=True)
class Confirmed:
    """An answer, and what the second opinion says of the mismatch in it (None: nothing)."""

    answer: Answer
    confirmed: bool | None
    opinion: Opinion | None = None


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
        self._heard = np.zeros(0, np.float32)
        self._end = 0  # samples heard
        self._believed: tuple[str, int] | None = None

    def process(
        self, samples: npt.NDArray[np.float32], following: Callable[[], Following | None]
    ) -> list[Confirmed]:
        """Take mono samples, float32 (n,); return the answers they complete, confirmed.

        `following` tells what is being heard as far as the watch knows when an answer is looked at.
        """
        self._heard = np.concatenate([self._heard, samples])[-_KEPT_S * self._rate_hz :]
        self._end += len(samples)
        return [self._confirm(answer, following()) for answer in self._recogniser.process(samples)]

    def finish(self) -> list[Confirmed]:
        """Return the answers that were still to come, unconfirmed."""
        return [Confirmed(answer, None) for answer in self._recogniser.finish()]

    def _confirm(self, answer: Answer, following: Following | None) -> Confirmed:
        mismatch = following is not None and (
            answer.verdict == "unknown"
            or (answer.verdict == "match" and answer.reference != following.reference)
        )
        if mismatch and following is not None:
            # The answer is seconds old; what counts is whether it goes on.
            opinion = self.newest(following, WINDOW_S)
            return Confirmed(answer, different(opinion), opinion)
        if answer.verdict == "match" and answer.reference is not None:
            return self._confirm_match(answer)
        return Confirmed(answer, None)

    def _confirm_match(self, answer: Answer) -> Confirmed:
        """Ask about a match when it begins, and now and then while it goes on."""
        assert answer.reference is not None
        believed = self._believed
        fresh = believed is not None and answer.second - believed[1] < MATCH_EVERY_S
        if believed is not None and fresh and believed[0] == answer.reference:
            return Confirmed(answer, None)
        opinion = self.opinion(answer.reference, answer.second, answer.offset_s or 0.0, _WITHIN_S)
        if opinion is not None and opinion.verdict == "different":
            self._believed = None
            return Confirmed(replace(answer, verdict="inconclusive", reference=None), None, opinion)
        if opinion is not None and opinion.verdict == "same":
            self._believed = (answer.reference, answer.second)
        return Confirmed(answer, None, opinion)

    def newest(self, following: Following, seconds: int) -> Opinion | None:
        """Return the opinion on the last whole `seconds` heard, where `following` would be now."""
        second = self._end // self._rate_hz - 1
        place_s = following.place_s(second)
        return self.opinion(following.reference, second, place_s, _WITHIN_S, seconds)

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
        last = (second + 1) * self._rate_hz - (self._end - len(self._heard))
        first = max(last - seconds * self._rate_hz, 0)
        if band is None or last > len(self._heard) or last <= first:
            return None
        heard = speech_band(np.ascontiguousarray(self._heard[first:last]), self._rate_hz)
        begins_s = place_s + 1.0 - (last - first) / self._rate_hz
        return opinion_in_band(band, heard, -begins_s, within_s)


def different(opinion: Opinion | None) -> bool | None:
    """Return True for "different", False for "same", None where nothing can be said."""
    if opinion is None or opinion.verdict == "inconclusive":
        return None
    return opinion.verdict == "different"


def speaking_seconds(band: Band) -> npt.NDArray[np.bool_]:
    """Tell for every second of a reference whether it speaks for half of it or more."""
    total = band_powers(band).sum(axis=0)
    seconds = len(band) // BAND_RATE_HZ
    if seconds == 0:
        return np.zeros(0, np.bool_)
    loud = float(np.quantile(total, 0.95)) * 10.0 ** (_SPEAKING_DB / 10.0)
    return np.asarray((total[: seconds * FRAME_HZ].reshape(seconds, -1) > loud).mean(axis=1) >= 0.5)
