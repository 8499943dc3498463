"""The second opinion on what is heard live, asked while the sound is still there.

A file can be gone back to (`opinion.py`); of a stream the last seconds are kept. Every match is
asked about when it begins and every `EVERY_S` while it goes on; where the sounds differ the answer
becomes inconclusive. Speech that no fingerprint knows is set beside the references as well, as long
as there are few of them (`MOST_ASKED`): where one of them is heard after all, that is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.align.coherence import Opinion, opinion_in_band
from dsp.align.speech_band import LONGEST_S, Band, speech_band
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from ingest.reference.answer import Answer
from ingest.watch.lately import Lately
from loa.recognising.excerpt import RATE_HZ, excerpt
from loa.recognising.pieces import Piece

WINDOW_S = 6
EVERY_S = 20
MOST_ASKED = 4
_WITHIN_S = 0.5
_KEPT_S = 24  # an answer comes eleven seconds late

Load = Callable[[str], Band | None]


@dataclass(frozen=True)
class Asked:
    """An opinion about a second; `delay_s` is how much later the reference was heard."""

    second: int
    reference: str
    opinion: Opinion
    delay_s: float | None = None
    u_delay_s: float | None = None


class ReferenceSounds:
    """Reads the sounds of references when they are asked about; keeps the last `MOST_ASKED`."""

    def __init__(self, decoder: Decoder, paths: Mapping[str, Path]) -> None:
        self._decoder = decoder
        self._paths = paths
        self._bands: dict[str, Band | None] = {}

    def __call__(self, name: str) -> Band | None:
        """Return up to half an hour of a reference; None where the file has gone."""
        if name in self._bands:
            return self._bands[name]
        if len(self._bands) >= MOST_ASKED:
            del self._bands[next(iter(self._bands))]
        try:
            sound = excerpt(self._decoder, self._paths[name], 0.0, LONGEST_S)
            self._bands[name] = speech_band(sound[: int(LONGEST_S) * RATE_HZ], RATE_HZ)
        except Refusal:
            # The file an index was made of may be gone: the fingerprint stands alone.
            self._bands[name] = None
        return self._bands[name]


class LiveOpinion:
    """Asks about the answers of one stream.

    Parameters
    ----------
    load
        Returns a reference in the speech band, None where its sound is not to be had.
    names
        The references that may be heard.
    rate_hz
        Of the stream.
    """

    def __init__(self, load: Load, names: Sequence[str], rate_hz: int) -> None:
        self._load = load
        self._names = tuple(names) if len(names) <= MOST_ASKED else ()
        self._rate_hz = rate_hz
        self._lately = Lately(rate_hz, _KEPT_S)
        self._same: tuple[str, int] | None = None
        self._unknown_since: int | None = None
        self.asked: list[Asked] = []

    def hear(self, samples: npt.NDArray[np.float32]) -> None:
        """Keep the next mono samples, float32 (n,)."""
        self._lately.take(samples)

    def confirm(self, answer: Answer) -> Answer:
        """Return the answer, or an inconclusive one where the sounds contradict it."""
        if answer.verdict == "match" and answer.reference is not None:
            self._unknown_since = None
            return self._confirm_match(answer, answer.reference)
        if answer.verdict != "unknown":
            self._unknown_since = None
            return answer
        return self._confirm_unknown(answer)

    def _confirm_match(self, answer: Answer, reference: str) -> Answer:
        name, since = self._same or ("", -EVERY_S)
        if name == reference and answer.second - since < EVERY_S:
            return answer
        place_s = answer.offset_s or 0.0
        asked = self._ask(reference, answer.second, place_s, _WITHIN_S)
        if asked is None:
            return answer
        self.asked.append(asked)
        if asked.opinion.verdict == "different":
            self._same = None
            others = tuple(sorted({reference, *answer.others}))
            return replace(answer, verdict="inconclusive", reference=None, others=others)
        if asked.opinion.verdict == "same":
            self._same = reference, answer.second
        return answer

    def _confirm_unknown(self, answer: Answer) -> Answer:
        """Look for the references in what no fingerprint knows, now and then."""
        if self._unknown_since is None:
            self._unknown_since = answer.second
        if (answer.second - self._unknown_since) % EVERY_S:
            return answer
        for name in self._names:
            asked = self._ask(name, answer.second, 0.0, math.inf)
            if asked is not None:
                self.asked.append(asked)
                if asked.opinion.verdict == "same":
                    others = tuple(sorted({name, *answer.others}))
                    return replace(answer, verdict="inconclusive", others=others)
        return answer

    def _ask(self, reference: str, second: int, place_s: float, within_s: float) -> Asked | None:
        """Ask about the `WINDOW_S` from `second` on, or as many as have come."""
        whole = self._lately.end // self._rate_hz
        last = min(second + WINDOW_S, whole)
        first = max(last - WINDOW_S, 0)
        heard = self._lately.between(first * self._rate_hz, last * self._rate_hz)
        band = self._load(reference)
        if heard is None or band is None:
            return None
        begins_s = last - len(heard) / self._rate_hz  # of the stream
        sound = speech_band(np.ascontiguousarray(heard), self._rate_hz)
        at_s = place_s + begins_s - second
        opinion = opinion_in_band(band, sound, -at_s, within_s)
        delay = None if opinion.reading is None else opinion.reading.delay
        if opinion.verdict != "same" or delay is None or delay.value is None or delay.invalid:
            return Asked(second, reference, opinion)
        return Asked(second, reference, opinion, begins_s + delay.value, delay.u)


def take_opinion(piece: Piece, asked: Sequence[Asked]) -> None:
    """Set the opinion of `piece`, and its delay where one was measured, from what was asked."""
    own = [a for a in asked if piece.from_s <= a.second < piece.to_s]
    if piece.first.verdict == "match":
        own = [a for a in own if a.reference == piece.first.reference]
    sure = [a for a in own if a.opinion.verdict == "same"]
    for one in (sure or own)[-1:]:
        piece.opinion = one.opinion
        if piece.first.verdict == "match" and one.delay_s is not None:
            piece.delay_s, piece.u_delay_s = one.delay_s, one.u_delay_s
