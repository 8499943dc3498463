"""Strangers: speech that is in no index, in voices that are.

A new text read by a voice of which the index holds bulletins, or prompts of a human voice that are
in no bulletin, heard in one of four ways (cheap ones, so that there can be many). New texts are of
two kinds: *different* ones share no run of more than `SHARED` syllables with any bulletin of the
voice or one that sounds like it; *formula* ones are whatever the generator gives and may share
whole sentences, which a synthetic voice says in exactly the same way: naming such a bulletin for
as long is no mistake, and they are counted apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from bench.impair.band_limit import BandLimit
from bench.impair.catalogue import Chain, Impairment
from bench.impair.codecs import G711_MU
from bench.impair.fm_noise import FmNoise
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.halves import Half
from bench.match.texts import announcement, english_announcement, plain
from bench.match.voices import Voice, at_house_rate, read_aloud

Sound = npt.NDArray[np.float32]
Kind = Literal["different", "formula"]
KINDS: tuple[Kind, ...] = ("different", "formula")
Runs = set[tuple[str, ...]]

SHARED = 5  # syllables: a second and a half
WAYS: dict[str, Impairment] = {
    "clean": Chain(()),
    "FM 15 dB": FmNoise(),
    "G.711 µ": G711_MU,
    "300-3400 Hz": BandLimit(),
}
UNSEEN_ROUND = 101  # the rounds before it were seen by whoever chose a limit
_SYLLABLES = 700
_MOST_REFUSED = 50
_NOISY_ROUNDS = 12  # FM noise takes four fifths of the time, and makes strangers no likelier
_SLOW_PROGRAMS = 20  # flite reads at twenty times real time: every twentieth round only


@dataclass(frozen=True)
class Stranger:
    """One stranger in one way of hearing."""

    name: str
    voice: str
    kind: Kind
    way: str
    recipe: str
    read: Callable[[], Sound] = field(repr=False)
    seed: tuple[int, ...]

    def sound(self) -> Sound:
        """Return it as heard, mono float32 (n,) at 48 kHz."""
        heard = WAYS[self.way](self.read(), np.random.default_rng(self.seed))
        return np.ascontiguousarray(heard, np.float32)


def runs_of(texts: Sequence[str], length: int) -> Runs:
    """Return every run of `length` syllables in `texts`."""
    said = [plain(text) for text in texts]
    return {tuple(s[i : i + length]) for s in said for i in range(len(s) - length + 1)}


def stranger_text(voice: Voice, number: int, known: Runs, kind: Kind) -> str:
    """Return a new text for a voice; a different one has none of the runs `known`."""
    rng = np.random.default_rng([SEED, 7, number, KINDS.index(kind), *voice.name.encode()])
    write: Callable[..., str] = announcement if voice.language == "vi" else english_announcement
    if kind == "formula":
        return write(rng, syllables=_SYLLABLES, half=voice.half)
    said: list[str] = []
    refused = 0
    while sum(len(part.split()) for part in said) < _SYLLABLES:
        for part in write(rng, syllables=60, half=voice.half).split(". "):
            sentence = part.rstrip(".") + "."
            if not runs_of([" ".join([*said[-1:], sentence])], SHARED + 1) & known:
                said.append(sentence)
                refused = 0
            elif (refused := refused + 1) % _MOST_REFUSED == 0:
                del said[-1:]  # an ending that is known with every beginning
    return " ".join(said)


def strangers(
    corpus: Corpus, half: Half, kind: Kind = "different", *, first_round: int = 0
) -> Iterator[Stranger]:
    """Yield strangers of a half without end, voices and ways in turn, round after round.

    A round has new texts. Human voices are those of `recorded`.
    """
    voices = [voice for voice in corpus.voices if voice.half == half]
    known = {voice.name: runs_of(_near(corpus, voice), SHARED + 1) for voice in voices}
    for number in itertools.count(first_round):
        done = number - first_round
        for place, voice in enumerate(voices):
            if voice.program == "espeak-ng" or done % _SLOW_PROGRAMS == 0:
                ways = [w for w in WAYS if done < _NOISY_ROUNDS or w != "FM 15 dB"]
                way = ways[(number + place) % len(ways)]
                yield _read(voice, number, known[voice.name], kind, way)


def _near(corpus: Corpus, voice: Voice) -> list[str]:
    """Return the texts of the index in voices that may sound the same.

    All of espeak-ng's Vietnamese ones come from one synthesiser; those of flite are different
    people, and each is near itself alone.
    """
    all_of_it = voice.program == "espeak-ng"
    near = {v.name for v in corpus.voices if all_of_it and v.program == "espeak-ng"} | {voice.name}
    return [bulletin.text for bulletin in corpus.indexed if bulletin.voice in near]


def _read(voice: Voice, number: int, known: Runs, kind: Kind, way: str) -> Stranger:
    text = stranger_text(voice, number, known, kind)
    return Stranger(
        f"{voice.name} {kind} {number}",
        voice.name,
        kind,
        way,
        f"{voice.program} {voice.arguments} {text}",
        lambda: at_house_rate(*read_aloud(text, voice)),
        (SEED, 8, number, *voice.name.encode()),
    )


def recorded(corpus: Corpus, half: Half) -> Iterator[Stranger]:
    """Yield the human voices of a half, prompts and texts that no bulletin has; there are few."""
    own = [b for b in corpus.strangers if b.kind == "real" and b.half == half]
    for number, bulletin in enumerate(own):
        yield _recording(corpus, bulletin, list(WAYS)[number % len(WAYS)], number)


def _recording(corpus: Corpus, bulletin: Bulletin, way: str, number: int) -> Stranger:
    return Stranger(
        bulletin.name,
        bulletin.voice,
        "different",
        way,
        bulletin.recipe,
        lambda: corpus.sound(bulletin),
        (SEED, 9, number),
    )
