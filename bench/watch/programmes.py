"""What trials of the watch are made of: references, and programmes that are none of them.

    programmes = Programmes.of_corpus("tuning")      # or "held out": no programme is in both
    programmes.references.index                      # what the watch knows
    programmes.sound("vi-north-m-0")                 # mono float32 (n,) at 48 kHz, -20 dBFS

From the corpus of `bench.match` (synthetic voices, real prompts, music). Strangers are other texts
of the same voices: what is hardest to tell from a reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.match.corpus import QUICK, Corpus
from ingest.watch.watched_station import References

RATE_HZ = 48_000
SETS = ("tuning", "held out")
_LEAST_S = 42.0  # of a reference: a trial fits in
_SILENCE_S = 2.0  # prompts of minutes of silence are no bulletin
_FRAME = RATE_HZ // 50

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Programmes:
    """References, the sounds of all programmes by name, and whose voice each is."""

    sounds: Mapping[str, Sound]
    voices: Mapping[str, str]
    names: tuple[str, ...]  # of the references
    references: References

    @classmethod
    def of_corpus(cls, which: str) -> Programmes:
        """Return one half of the corpus; nothing of it is in the other half."""
        corpus = Corpus(QUICK)
        corpus.prepare(lambda _work, _share: None)
        half = SETS.index(which)
        known = {b.name: b for b in corpus.indexed[half::2]}
        others = {b.name: b for b in corpus.strangers[half::2]}
        sounds = {name: corpus.sound(b) for name, b in (known | others).items()}
        voices = {name: b.voice for name, b in (known | others).items()}
        return cls.of({n: sounds[n] for n in known}, {n: sounds[n] for n in others}, voices)

    @classmethod
    def of(
        cls, known: Mapping[str, Sound], others: Mapping[str, Sound], voices: Mapping[str, str]
    ) -> Programmes:
        """Return references made of `known`, and `others` beside them."""
        tidy = {_file_name(n): s for n, s in known.items()}
        rest = {_file_name(n): s for n, s in others.items()}
        return cls(
            tidy | rest,
            {_file_name(n): voice for n, voice in voices.items()},
            tuple(
                name
                for name, sound in tidy.items()
                if len(sound) >= _LEAST_S * RATE_HZ and longest_silence_s(sound) < _SILENCE_S
            ),
            References.of(tidy, RATE_HZ),
        )

    def excerpt(self, name: str, from_s: float, seconds: float) -> Sound:
        """Return `seconds` of a programme, beginning again at its end."""
        whole = self.sounds[name]
        first, count = round(from_s * RATE_HZ) % len(whole), round(seconds * RATE_HZ)
        return np.concatenate([whole[first:], *[whole] * (count // len(whole) + 1)])[:count]


def longest_silence_s(sound: Sound) -> float:
    """Return the longest stretch in which nothing is said (40 dB below the loud part)."""
    power = np.mean(sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME) ** 2, axis=1)
    loud = np.flatnonzero(power > float(np.quantile(power, 0.95)) * 1e-4)
    edges = np.concatenate([[-1], loud, [len(power)]])
    return float(np.diff(edges).max() - 1) * _FRAME / RATE_HZ


def _file_name(name: str) -> str:
    return name.replace("/", "-").replace(" ", "-").replace(",", "")
