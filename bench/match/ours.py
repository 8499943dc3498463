"""Ours as the bench sees it: an index of `dsp.recognise`, the recogniser of `ingest.reference`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bench.match.system import RATE_HZ, Found
from dsp.recognise.fingerprint import Prints, fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from dsp.recognise.reference_prints import ReferencePrints
from ingest.reference.answer import Answer
from ingest.reference.pauses import without_pauses
from ingest.reference.recogniser import Recogniser
from ingest.reference.verdict import score, telling_steps

Sound = npt.NDArray[np.float32]

_PIECE = RATE_HZ // 2
_LEAST_EVIDENCE = 2.0


class Loa:
    """An index, asked in two ways: for its best candidate, and second by second as a station is."""

    name = "Loa"
    threshold = 1.0

    def __init__(self) -> None:
        self.index = ReferenceIndex()

    def add(self, name: str, sound: Sound) -> None:
        """Take a bulletin into the index."""
        self.index.add(name, fingerprint(sound, RATE_HZ))

    def fill(self, references: Iterable[tuple[str, ReferencePrints]]) -> None:
        """Take prints that are made already."""
        self.index.add_many(references)

    def query(self, sound: Sound) -> Found | None:
        """Return the best candidate of `query_prints`."""
        return self.query_prints(fingerprint(sound, RATE_HZ))

    def listen(self, sound: Sound) -> list[Answer]:
        """Return the answers of a station that hears the excerpt and then nothing more."""
        recogniser = Recogniser(self.index)
        answers: list[Answer] = []
        for first in range(0, len(sound), _PIECE):
            answers += recogniser.process(sound[first : first + _PIECE])
        return answers + recogniser.finish()

    def query_prints(self, prints: Prints) -> Found | None:
        """Return the line that all of a clip agrees with best, as the verdict scores it."""
        best: Found | None = None
        for line in self.index.search(prints, least=_LEAST_EVIDENCE):
            words = self.index.words_of(line.reference)
            levels = self.index.levels_of(line.reference)
            heard = without_pauses(levels, line, prints)
            steps = telling_steps(words, levels, line, heard)
            value = score(steps).score if len(steps) else 0.0
            if best is None or value > best.score:
                best = Found(line.reference, line.offset_s(0.0), value)
        return best

    def listen_prints(self, prints: Prints) -> list[Answer]:
        """Return the answers of a station to a stream that was printed elsewhere and has ended."""
        return Recogniser(self.index).process_prints(prints, ended=True)
