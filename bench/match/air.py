"""The road of a bulletin on the air: our `fm` master, coder, modulator, noise, receiver; a codec.

What was received is kept in the cache: the road runs at fifteen times real time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.impair.catalogue import Impairment
from bench.impair.codecs import G711_A, G711_MU, MP3_32K, OPUS_16K
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.sound_cache import kept_sound
from bench.match.system import RATE_HZ

Sound = npt.NDArray[np.float32]

AUDIO_SNR_DB = 15.0
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
