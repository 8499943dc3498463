"""Fills an index up with made bulletins, modelled on the speech of the corpus."""

from __future__ import annotations

from bench.match.corpus import QUICK, Corpus
from bench.match.filler_cache import kept_references
from bench.match.ours import Loa
from bench.match.system import RATE_HZ
from dsp.recognise.fingerprint import Prints, fingerprint


def speech_prints(corpus: Corpus) -> list[Prints]:
    """Return the prints of the indexed bulletins that speak."""
    return [
        fingerprint(corpus.sound(bulletin), RATE_HZ)
        for bulletin in corpus.indexed
        if bulletin.kind != "music"
    ]


def fill(system: Loa, corpus: Corpus, count: int) -> None:
    """Add `count` made bulletins to the index; the model is the quick corpus of the same voices."""
    system.fill(kept_references(speech_prints(Corpus(QUICK, corpus.voices)), count))
