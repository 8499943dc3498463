"""Clips as their prints: known ones over the air, and same-voice strangers; all of them cached.

A clip is what a station hears and then nothing more: five or ten seconds. Strangers also come as
streams, several minutes each, as a station hears them. Making them takes long (the FM path runs at
fifteen times real time, flite at eighteen); comparing their prints again takes seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.impair.catalogue import catalogue
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.detection import AUDIO_SNR_DB, CODECS, over_the_air
from bench.match.halves import Half
from bench.match.print_cache import kept_prints
from bench.match.strangers import Stranger
from bench.match.system import RATE_HZ
from dsp.recognise.fingerprint import Prints, fingerprint

Sound = npt.NDArray[np.float32]

LENGTHS_S = (10.0, 5.0)


@dataclass(frozen=True)
class Clip:
    """What was heard; `bulletin` is empty if no index holds it."""

    bulletin: str
    voice: str
    way: str
    start_s: float
    seconds: float
    prints: Prints


def aired(bulletins: Sequence[Bulletin], half: Half) -> list[Bulletin]:
    """Return the bulletins of a half that speak for long enough to be cut."""
    return [b for b in bulletins if b.kind != "music" and b.half == half]


def aired_clips(corpus: Corpus, bulletin: Bulletin, seconds: float, count: int) -> list[Clip]:
    """Return `count` clips of a bulletin over the real FM path and a codec, codecs in turn."""
    rng = np.random.default_rng([SEED, 19, round(seconds), *bulletin.name.encode()])
    names = [list(CODECS)[int(n)] for n in rng.integers(len(CODECS), size=count)]
    places = rng.random(count)

    def make() -> list[Prints]:
        heard = over_the_air(corpus, bulletin)
        room = len(heard) / RATE_HZ - seconds
        made = []
        for name, place in zip(names, places, strict=True):
            first = round(place * room * RATE_HZ)
            piece = heard[first : first + round(seconds * RATE_HZ)]
            made.append(fingerprint(_house(CODECS[name](piece, rng)), RATE_HZ))
        return made

    length_s = len(corpus.sound(bulletin)) / RATE_HZ
    if length_s < seconds:
        return []
    recipe = f"{SEED} aired {AUDIO_SNR_DB} {seconds} {count} {bulletin.name} {bulletin.recipe}"
    return [
        Clip(
            bulletin.name,
            bulletin.voice,
            f"real FM 15 dB + {name}",
            round(place * (length_s - seconds) * RATE_HZ) / RATE_HZ,
            seconds,
            prints,
        )
        for name, place, prints in zip(names, places, kept_prints(recipe, make), strict=True)
    ]


def _house(sound: Sound) -> Sound:
    return np.ascontiguousarray(sound, np.float32)


@dataclass(frozen=True)
class StrangerPrints:
    """A stranger as a stream, and cut into clips of either length, none of it twice."""

    stranger: Stranger
    stream: Prints
    clips: dict[float, list[Prints]]


def stranger_prints(stranger: Stranger) -> StrangerPrints:
    """Return the prints of a stranger, cached."""

    @functools.cache
    def heard() -> Sound:
        return stranger.sound()

    def clips(seconds: float) -> list[Prints]:
        sound, length = heard(), round(seconds * RATE_HZ)
        starts = range(0, len(sound) - length + 1, length)
        return [fingerprint(sound[a : a + length], RATE_HZ) for a in starts]

    recipe = f"{SEED} stranger {stranger.recipe} {stranger.way}"
    return StrangerPrints(
        stranger,
        kept_prints(recipe, lambda: [fingerprint(heard(), RATE_HZ)])[0],
        {s: kept_prints(f"{recipe} {s} s", functools.partial(clips, s)) for s in LENGTHS_S},
    )


def all_aired_clips(corpus: Corpus, half: Half, seconds: float, least: int) -> Iterator[Clip]:
    """Yield at least `least` clips of a half, as many of every bulletin."""
    bulletins = [
        b for b in aired(corpus.indexed, half) if len(corpus.sound(b)) >= 1.5 * seconds * RATE_HZ
    ]
    each = -(-least // len(bulletins))
    for bulletin in bulletins:
        yield from aired_clips(corpus, bulletin, seconds, each)


def impaired_clips(corpus: Corpus, half: Half, name: str, seconds: float, count: int) -> list[Clip]:
    """Return `count` clips of a half's bulletins under one impairment of the catalogue."""
    bulletins = [
        b for b in aired(corpus.indexed, half) if len(corpus.sound(b)) >= 1.5 * seconds * RATE_HZ
    ]
    rng = np.random.default_rng([SEED, 20, round(seconds), *name.encode(), *half.encode()])
    chosen = [bulletins[int(n)] for n in rng.integers(len(bulletins), size=count)]
    places = [
        round(place * (len(corpus.sound(b)) / RATE_HZ - seconds), 3)
        for place, b in zip(rng.random(count), chosen, strict=True)
    ]

    def make() -> list[Prints]:
        around = [b for b in corpus.strangers if b.kind != "music" and b.half == half][:12]
        impairment = catalogue([corpus.sound(b).astype(np.float64) for b in around])[name]
        made = []
        for bulletin, place in zip(chosen, places, strict=True):
            first = round(place * RATE_HZ)
            piece = corpus.sound(bulletin)[first : first + round(seconds * RATE_HZ)]
            made.append(fingerprint(_house(impairment(piece, rng)), RATE_HZ))
        return made

    pieces = [f"{b.recipe} {place}" for b, place in zip(chosen, places, strict=True)]
    recipe = f"{SEED} impaired {name} {seconds} {pieces}"
    return [
        Clip(b.name, b.voice, name, place, seconds, prints)
        for b, place, prints in zip(chosen, places, kept_prints(recipe, make), strict=True)
    ]
