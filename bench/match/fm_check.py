"""Is the cheap FM noise like the real FM path? Both, held against the clean sound by their prints.

    python -m bench.match.fm_check

Share of equal signs between the prints of a bulletin as read and as received, where it speaks: by
the real path at 15 dB of audio SNR, and by `bench.impair.fm_noise` at 15 dB. The master and the
codec of the real road are on neither side: the cheap noise is laid over the same `fm` master.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.impair.fm_noise import FmNoise
from bench.impair.fm_path import fm_master
from bench.match.air import over_the_air
from bench.match.corpus import FULL, Corpus
from bench.match.system import RATE_HZ
from dsp.recognise.fingerprint import Prints, fingerprint
from dsp.recognise.reference_prints import SPEAKS


def equal_share(clean: Prints, heard: Prints) -> float:
    """Share of equal signs of the words that speak in `clean`."""
    n = min(len(clean), len(heard))
    speaks = clean.activity[:n] >= SPEAKS
    different = np.bitwise_count(clean.words[:n] ^ heard.words[:n])[speaks]
    return 1.0 - float(different.mean()) / 32.0


def main() -> int:
    """Print a line for each of the first bulletins of every fourth voice."""
    corpus = Corpus(FULL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    chosen = [b for b in corpus.indexed if b.kind != "music"][:: len(corpus.indexed) // count]
    print("| bulletin | equal signs, real path | equal signs, cheap noise |")
    print("|---|---|---|")
    for bulletin in chosen:
        sound = corpus.sound(bulletin)
        clean = fingerprint(sound, RATE_HZ)
        cheap = FmNoise()(fm_master(sound), np.random.default_rng(3))
        real_share, cheap_share = (
            equal_share(clean, fingerprint(heard, RATE_HZ))
            for heard in (over_the_air(corpus, bulletin), cheap)
        )
        print(f"| {bulletin.name} | {100 * real_share:.1f} % | {100 * cheap_share:.1f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
