"""Ours as the bench sees it: an index of `dsp.recognise`, the recogniser of `ingest.reference`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bench.match.system import RATE_HZ, Found
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from dsp.recognise.reference_prints import ReferencePrints
from ingest.reference.answer import Answer
from ingest.reference.recogniser import Recogniser

Sound = npt.NDArray[np.float32]

_PIECE = RATE_HZ // 2


class Loa:
    """An index, asked in two ways: for its best candidate, and second by second as a station is."""

    name = "Loa"
    threshold = 6.5

    def __init__(self) -> None:
        self.index = ReferenceIndex()

    def add(self, name: str, sound: Sound) -> None:
        """Take a bulletin into the index."""
        self.index.add(name, fingerprint(sound, RATE_HZ))

    def fill(self, references: Iterable[tuple[str, ReferencePrints]]) -> None:
        """Take prints that are made already."""
        self.index.add_many(references)

    def query(self, sound: Sound) -> Found | None:
        """Return the line with most evidence over the whole excerpt, however little that is."""
        lines = self.index.search(fingerprint(sound, RATE_HZ), probes=8, least=0.0)
        if not lines:
            return None
        return Found(lines[0].reference, lines[0].offset_s(0.0), lines[0].evidence)

    def listen(self, sound: Sound) -> list[Answer]:
        """Return the answers of a station that hears the excerpt and then nothing more."""
        recogniser = Recogniser(self.index)
        answers: list[Answer] = []
        for first in range(0, len(sound), _PIECE):
            answers += recogniser.process(sound[first : first + _PIECE])
        return answers + recogniser.finish()
