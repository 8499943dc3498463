"""A day of a station at one go: recognition keeps its memory.

    python -m bench.match.day_long [HOURS]

Synthetic sound (speech of the index and of none, silence, hiss) goes through fingerprinter and
recogniser as fast as it can, answers thrown away as a station does; the memory of its own is read
every hour. Exits with 1 if it grew by more than `MOST_GROWTH_MB` after the first hour.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.match.corpus import Sound
from bench.match.music import tune
from bench.own_memory import own_mb
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from ingest.reference.recogniser import Recogniser

RATE_HZ = 8_000
MOST_GROWTH_MB = 5.0


def programme() -> tuple[list[Sound], Sound]:
    """Two references, and five minutes in which they, another, silence and hiss are heard."""
    rng = np.random.default_rng(4)
    known = [_narrow(tune(seed, 60.0)) for seed in (1, 2)]
    hiss = (0.05 * rng.standard_normal(30 * RATE_HZ)).astype(np.float32)
    silence = np.zeros(30 * RATE_HZ, np.float32)
    other = _narrow(tune(3, 60.0))
    parts = [known[0], other, silence, hiss, known[1][20 * RATE_HZ :], other, silence[: len(other)]]
    return known, np.concatenate(parts)[: 300 * RATE_HZ]


def _narrow(sound: Sound) -> Sound:
    import soxr

    return np.ascontiguousarray(soxr.resample(sound, 48_000, RATE_HZ), np.float32)


def main() -> int:
    """Hear the day; print the memory of every hour."""
    hours = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    known, heard = programme()
    index = ReferenceIndex()
    for number, sound in enumerate(known):
        index.add(f"known {number}", fingerprint(sound, RATE_HZ))
    recogniser = Recogniser(index, rate_hz=RATE_HZ)
    sizes, matched = [], 0
    for _ in range(hours):
        for _ in range(3600 * RATE_HZ // len(heard)):
            for first in range(0, len(heard), RATE_HZ):
                answers = recogniser.process(heard[first : first + RATE_HZ])
                matched += sum(answer.verdict == "match" for answer in answers)
        sizes.append(own_mb())
    growth_mb = max(sizes) - sizes[0]
    print("| hours | seconds matched | MB after the first | most | growth |")
    print("|---|---|---|---|---|")
    print(f"| {hours} | {matched} | {sizes[0]:.1f} MB | {max(sizes):.1f} MB | {growth_mb:.1f} MB |")
    return 1 if growth_mb > MOST_GROWTH_MB or not matched else 0


if __name__ == "__main__":
    sys.exit(main())
