"""All impairments by name, alone and together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.impair.band_limit import BandLimit
from bench.impair.codecs import G711_A, G711_MU, MP3_32K, OPUS_16K
from bench.impair.drop_outs import DropOuts
from bench.impair.dynamics import WildCompressor
from bench.impair.emphasis_error import EmphasisError
from bench.impair.fm_noise import FmNoise
from bench.impair.horn_place import HornPlace
from bench.impair.speed import Speed

Sound = npt.NDArray[np.float32]
Impairment = Callable[[Sound, np.random.Generator], Sound]


@dataclass(frozen=True)
class Chain:
    """Impairments one after another."""

    links: Sequence[Impairment]

    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) after all of them."""
        for link in self.links:
            sound = link(sound, rng)
        return sound


def catalogue(voices: Sequence[npt.NDArray[np.float64]] = ()) -> dict[str, Impairment]:
    """Return every impairment under its name; `voices` are what babble is made of.

    Only horn places need voices. FM here is the cheap equivalent at 15 dB audio SNR.
    """
    horn = HornPlace(voices=voices)
    return {
        "clean": Chain(()),
        "FM 15 dB": FmNoise(),
        "Opus 16k": OPUS_16K,
        "MP3 32k": MP3_32K,
        "G.711 µ": G711_MU,
        "G.711 A": G711_A,
        "emphasis 50 sent, none received": EmphasisError(50.0, 0.0),
        "emphasis none sent, 75 received": EmphasisError(0.0, 75.0),
        "emphasis 75 sent, 50 received": EmphasisError(75.0, 50.0),
        "wild compressor": WildCompressor(),
        "speed +1 %": Speed(0.01),
        "speed -1 %": Speed(-0.01),
        "300-3400 Hz": BandLimit(),
        "horn at 20 m, babble 6 dB": horn,
        "20 % missing": DropOuts(),
        "FM 15 dB + Opus 16k": Chain((FmNoise(), OPUS_16K)),
        "FM 15 dB + MP3 32k": Chain((FmNoise(), MP3_32K)),
        "FM 15 dB + G.711 µ": Chain((FmNoise(), G711_MU)),
        "compressor + FM 15 dB + speed +1 %": Chain((WildCompressor(), FmNoise(), Speed(0.01))),
        "FM 15 dB + 20 % missing + Opus 16k": Chain((FmNoise(), DropOuts(), OPUS_16K)),
        "G.711 µ + horn at 20 m": Chain((G711_MU, horn)),
        "horn at 20 m + 20 % missing + speed -1 %": Chain((horn, DropOuts(), Speed(-0.01))),
    }
