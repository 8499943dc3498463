"""One jingle before many bulletins: the jingle is named, the bulletin only if it is read.

An index holds a few jingles and bulletins that begin with one. Heard, with the noise of FM, is the
jingle and then a bulletin of the index, or the jingle and then a text that is in no index. Right:
the jingle is named where it sounds, and the bulletin if it follows. Wrong: any other bulletin.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.impair.fm_noise import FmNoise
from bench.match.clips import aired
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.music import tune
from bench.match.ours import Loa
from bench.match.print_cache import kept_prints
from bench.match.system import RATE_HZ
from bench.proportion import Proportion
from dsp.recognise.fingerprint import Prints, fingerprint

JINGLES = 4
JINGLE_S = 7.0
_AFTER_S = 15.0


@dataclass(frozen=True)
class Jingled:
    """One trial: what followed the jingle ("" if no bulletin), and what was named."""

    jingle: str
    bulletin: str
    jingle_named: bool
    bulletin_named: bool
    others: tuple[str, ...]


class Jingles:
    """The index: jingles, and bulletins that begin with one, the same for the same place."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.sounds = [tune(900 + n, JINGLE_S) for n in range(JINGLES)]
        self.known = [b for b in aired(corpus.indexed, "held out") if b.kind == "synthetic"]
        self.unknown = [
            b for b in corpus.strangers if b.kind == "synthetic" and b.half == "held out"
        ]
        self.system = Loa()
        for n, sound in enumerate(self.sounds):
            self.system.index.add(f"jingle {n}", fingerprint(sound, RATE_HZ))
        for place, bulletin in enumerate(self.known):
            whole = functools.partial(self._whole, place % JINGLES, bulletin)
            recipe = f"{SEED} jingle {place % JINGLES} {JINGLE_S} s then {bulletin.recipe}"
            self.system.index.add(bulletin.name, kept_prints(recipe, whole)[0])

    def trial(self, number: int) -> Jingled:
        """Return trial `number`: with even ones a bulletin follows, with odd ones none."""
        place = number // 2
        if number % 2:
            jingle, bulletin = place % JINGLES, self.unknown[place % len(self.unknown)]
        else:
            bulletin = self.known[place % len(self.known)]
            jingle = place % len(self.known) % JINGLES
        heard = functools.partial(self._heard, jingle, bulletin, number)
        recipe = f"{SEED} jingle {jingle} heard {number} {bulletin.recipe}"
        named = {
            str(answer.reference)
            for answer in self.system.listen_prints(kept_prints(recipe, heard)[0])
            if answer.verdict == "match"
        }
        read = "" if number % 2 else bulletin.name
        return Jingled(
            f"jingle {jingle}",
            read,
            f"jingle {jingle}" in named,
            bool(read) and read in named,
            tuple(sorted(named - {f"jingle {jingle}", read})),
        )

    def _whole(self, jingle: int, bulletin: Bulletin) -> list[Prints]:
        sound = np.concatenate([self.sounds[jingle], self.corpus.sound(bulletin)])
        return [fingerprint(np.ascontiguousarray(sound, np.float32), RATE_HZ)]

    def _heard(self, jingle: int, bulletin: Bulletin, number: int) -> list[Prints]:
        after = self.corpus.sound(bulletin)[: round(_AFTER_S * RATE_HZ)]
        sound = np.concatenate([self.sounds[jingle], after])
        noisy = FmNoise()(sound, np.random.default_rng([SEED, 21, number]))
        return [fingerprint(np.ascontiguousarray(noisy, np.float32), RATE_HZ)]


def table(found: Sequence[Jingled]) -> str:
    """The trials as a table."""
    lines = [
        "| after the jingle | jingle named | bulletin named | another bulletin named |",
        "|---|---|---|---|",
    ]
    for label, known in (("a bulletin of the index", True), ("a text of no index", False)):
        own = [one for one in found if bool(one.bulletin) == known]
        if not own:
            continue
        jingle = Proportion(sum(one.jingle_named for one in own), len(own))
        named = Proportion(sum(one.bulletin_named for one in own), len(own))
        others = sum(bool(one.others) for one in own)
        lines.append(f"| {label} | {jingle} | {named if known else '–'} | {others} of {len(own)} |")
    return "\n".join(lines)
