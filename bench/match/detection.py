"""Detection: excerpts of indexed bulletins, over the real FM path and a codec, or impaired.

`over_the_air` sends whole bulletins through our `fm` master, coder, modulator, noise and receiver
(kept in the cache: it runs at fifteen times real time); excerpts are cut from what was received, so
that they start in the middle, and go through a codec of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bench.impair.catalogue import Impairment, catalogue
from bench.impair.codecs import G711_A, G711_MU, MP3_32K, OPUS_16K
from bench.impair.fm_noise import FmNoise
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.ours import Loa
from bench.match.sound_cache import kept_sound
from bench.match.system import RATE_HZ, System
from bench.match.trials import Excerpt, Trial, excerpts, try_loa, try_system

Sound = npt.NDArray[np.float32]

AUDIO_SNR_DB = 15.0
LENGTHS_S = (10.0, 5.0)
CODECS: dict[str, Impairment] = {
    "Opus 16k": OPUS_16K,
    "MP3 32k": MP3_32K,
    "G.711 µ": G711_MU,
    "G.711 A": G711_A,
}


def over_the_air(corpus: Corpus, bulletin: Bulletin) -> Sound:
    """Return a bulletin as our receiver has it at 15 dB of audio SNR; kept in the cache."""

    def make() -> tuple[Sound, int]:
        from bench.impair.fm_path import FmPath, carrier_for, fm_master

        path = FmPath(carrier_for(AUDIO_SNR_DB))
        rng = np.random.default_rng([SEED, 15, *bulletin.name.encode()])
        return path(fm_master(corpus.sound(bulletin)), rng), RATE_HZ

    sound, _ = kept_sound(f"{SEED} FM {AUDIO_SNR_DB} dB {bulletin.recipe}", make)
    return sound


def fm_and_codec(corpus: Corpus, bulletins: Sequence[Bulletin], count: int) -> Iterator[Excerpt]:
    """Yield `count` excerpts of each length from each bulletin, codecs in turn."""
    for number, bulletin in enumerate(bulletins):
        name = list(CODECS)[number % len(CODECS)]
        rng = np.random.default_rng([SEED, 16, *bulletin.name.encode()])
        labels = (bulletin.name, bulletin.voice, f"real FM 15 dB + {name}")
        heard = over_the_air(corpus, bulletin)
        yield from excerpts(heard, labels, CODECS[name], lengths_s=LENGTHS_S, count=count, rng=rng)


def each_impairment(
    corpus: Corpus, bulletins: Sequence[Bulletin], count: int, *, known: bool = True
) -> Iterator[Excerpt]:
    """Yield `count` excerpts for every impairment and length, bulletins in turn.

    `known` bulletins are in the index; others are labelled as in none.
    """
    babble = [corpus.sound(b).astype(np.float64) for b in corpus.strangers if b.kind != "music"]
    for name, impairment in catalogue(babble[:12]).items():
        rng = np.random.default_rng([SEED, 17, *name.encode()])
        for number in range(count):
            bulletin = bulletins[int(rng.integers(len(bulletins)))]
            sound = corpus.sound(bulletin)
            label = bulletin.name if known else ""
            yield from excerpts(
                sound,
                (label, bulletin.voice, name),
                impairment,
                lengths_s=LENGTHS_S[number % 2 : number % 2 + 1],
                count=1,
                rng=rng,
            )


def fm_noise_only(corpus: Corpus, bulletins: Sequence[Bulletin], count: int) -> Iterator[Excerpt]:
    """Yield `count` excerpts of each length from each bulletin with FM noise: for music."""
    for bulletin in bulletins:
        rng = np.random.default_rng([SEED, 18, *bulletin.name.encode()])
        labels = (bulletin.name, bulletin.voice, "music, FM 15 dB")
        sound = corpus.sound(bulletin)
        yield from excerpts(sound, labels, FmNoise(), lengths_s=LENGTHS_S, count=count, rng=rng)


def run(excerpts_: Iterator[Excerpt], ours: Loa, peers: Sequence[System] = ()) -> Iterator[Trial]:
    """Yield the trials of every system for every excerpt."""
    for excerpt in excerpts_:
        yield try_loa(ours, excerpt)
        for peer in peers:
            yield try_system(peer, excerpt)
