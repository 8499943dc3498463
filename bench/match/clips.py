"""Clips as their prints: known ones over the air, and same-voice strangers; all of them cached.

A clip is what a station hears and then nothing more: five or ten seconds. Strangers also come as
streams, several minutes each, as a station hears them. Making them takes long (the FM path runs at
fifteen times real time, flite at eighteen); comparing their prints again takes seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.impair.catalogue import Impairment, catalogue
from bench.match.air import AUDIO_SNR_DB, CODECS, over_the_air
from bench.match.corpus import SEED, Bulletin, Corpus
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


@dataclass(frozen=True)
class Cut:
    """Where a clip is cut out of a bulletin as received, and the codec it goes through."""

    codec: str
    start_s: float
    seconds: float

    def sound(self, received: Sound) -> Sound:
        """Return the clip of the whole as received."""
        first = round(self.start_s * RATE_HZ)
        piece = received[first : first + round(self.seconds * RATE_HZ)]
        return _house(CODECS[self.codec](piece, np.random.default_rng(0)))


def cuts_of(corpus: Corpus, bulletin: Bulletin, seconds: float, count: int) -> list[Cut]:
    """Return `count` cuts of a bulletin, anywhere, codecs at random; none if it is too short."""
    room_s = corpus.length_s(bulletin) - seconds
    rng = np.random.default_rng([SEED, 19, round(seconds), *bulletin.name.encode()])
    names = [list(CODECS)[int(n)] for n in rng.integers(len(CODECS), size=count)]
    places = rng.random(count)
    if room_s < 0.0:
        return []
    return [Cut(n, place * room_s, seconds) for n, place in zip(names, places, strict=True)]


def aired_clips(corpus: Corpus, bulletin: Bulletin, seconds: float, count: int) -> list[Clip]:
    """Return `count` clips of a bulletin over the real FM path and a codec."""
    cuts = cuts_of(corpus, bulletin, seconds, count)
    if not cuts:
        return []

    def make() -> list[Prints]:
        received = over_the_air(corpus, bulletin)
        return [fingerprint(cut.sound(received), RATE_HZ) for cut in cuts]

    recipe = f"{SEED} aired {AUDIO_SNR_DB} {seconds} {count} {bulletin.name} {bulletin.recipe}"
    return [
        Clip(
            bulletin.name,
            bulletin.voice,
            f"real FM 15 dB + {cut.codec}",
            cut.start_s,
            seconds,
            prints,
        )
        for cut, prints in zip(cuts, kept_prints(recipe, make), strict=True)
    ]


def _house(sound: Sound) -> Sound:
    return np.ascontiguousarray(sound, np.float32)


@dataclass(frozen=True)
class StrangerPrints:
    """A stranger as a stream, and cut into clips of either length, none of it twice."""

    stranger: Stranger
    stream: Prints
    clips: dict[float, list[Prints]]


def stranger_prints(stranger: Stranger, lengths_s: Sequence[float] = LENGTHS_S) -> StrangerPrints:
    """Return the prints of a stranger and of its clips of `lengths_s`, cached."""

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
        {s: kept_prints(f"{recipe} {s} s", functools.partial(clips, s)) for s in lengths_s},
    )


@functools.lru_cache(maxsize=2)
def _impairments(corpus: Corpus, half: Half) -> dict[str, Impairment]:
    """Return the catalogue with a half's voices as babble."""
    around = [b for b in corpus.strangers if b.kind != "music" and b.half == half][:12]
    return catalogue([corpus.sound(b).astype(np.float64) for b in around])


def impaired_clips(corpus: Corpus, half: Half, name: str, seconds: float, count: int) -> list[Clip]:
    """Return `count` clips of a half's bulletins under one impairment of the catalogue."""
    bulletins = [b for b in aired(corpus.indexed, half) if corpus.length_s(b) >= 1.5 * seconds]
    rng = np.random.default_rng([SEED, 20, round(seconds), *name.encode(), *half.encode()])
    chosen = [bulletins[int(n)] for n in rng.integers(len(bulletins), size=count)]
    places = [
        round(place * (corpus.length_s(b) - seconds), 3)
        for place, b in zip(rng.random(count), chosen, strict=True)
    ]

    def make() -> list[Prints]:
        impairment = _impairments(corpus, half)[name]
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
