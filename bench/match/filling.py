"""Fills an index up with made bulletins, modelled on the speech of the corpus."""

from __future__ import annotations

from bench.match.corpus import QUICK, Bulletin, Corpus
from bench.match.filler_cache import kept_references
from bench.match.ours import Loa
from bench.match.print_cache import kept_prints
from bench.match.system import RATE_HZ
from dsp.recognise.fingerprint import Prints, fingerprint


def index_of(corpus: Corpus) -> Loa:
    """Return an index of the corpus, prints cached."""
    system = Loa()
    system.index.add_many([(b.name, reference_of(corpus, b)) for b in corpus.indexed])
    return system


def reference_of(corpus: Corpus, bulletin: Bulletin) -> Prints:
    """Return the prints of a bulletin as it was read, cached."""
    sound = lambda: [fingerprint(corpus.sound(bulletin), RATE_HZ)]  # noqa: E731 - called once
    return kept_prints(f"ref {bulletin.recipe}", sound)[0]


def speech_prints(corpus: Corpus) -> list[Prints]:
    """Return the prints of the indexed bulletins that speak."""
    return [reference_of(corpus, b) for b in corpus.indexed if b.kind != "music"]


def fill(system: Loa, corpus: Corpus, count: int) -> None:
    """Add `count` made bulletins to the index; the model is the quick corpus of the same voices."""
    system.fill(kept_references(speech_prints(Corpus(QUICK, corpus.voices)), count))
