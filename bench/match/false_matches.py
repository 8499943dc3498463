"""Same voice, another text: hours of speech that is in no index, in voices that are.

    python -m bench.match.false_matches [TRIALS] [FILLERS]

Every stranger is a new text, read by a voice of which the index holds bulletins, impaired in one of
four ways (clean, FM 15 dB, G.711, 300-3400 Hz: cheap ones, so that there can be many), and heard as
one stream, second by second. Ten seconds are a trial; a trial is false if any of its seconds is
answered with a bulletin. New texts are of two kinds: *different* ones share no run of more than
`SHARED` syllables with any bulletin of the voice; *formula* ones are whatever the generator gives,
and may share whole phrases, which a synthetic voice says in exactly the same way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from bench.impair.band_limit import BandLimit
from bench.impair.catalogue import Chain, Impairment
from bench.impair.codecs import G711_MU
from bench.impair.fm_noise import FmNoise
from bench.match.corpus import FULL, SEED, Bulletin, Corpus, Size
from bench.match.filling import fill
from bench.match.ours import Loa
from bench.match.system import RATE_HZ
from bench.match.texts import announcement, english_announcement, plain
from bench.match.voices import Voice, at_house_rate, read_aloud
from bench.proportion import Proportion

SHARED = 5  # syllables: a second and a half
TRIAL_S = 10
_SYLLABLES = 700
WAYS: dict[str, Impairment] = {
    "clean": Chain(()),
    "FM 15 dB": FmNoise(),
    "G.711 µ": G711_MU,
    "300-3400 Hz": BandLimit(),
}
KINDS = ("different", "formula")


@dataclass(frozen=True)
class Heard:
    """One stranger heard: how many trials, which seconds were named, and as what."""

    voice: str
    kind: str
    way: str
    number: int
    seconds: int
    named: tuple[tuple[int, str], ...]

    @property
    def trials(self) -> int:
        """Whole trials in it."""
        return self.seconds // TRIAL_S

    @property
    def false(self) -> int:
        """Trials with a named second."""
        return len(
            {second // TRIAL_S for second, _ in self.named if second < self.trials * TRIAL_S}
        )


def runs_of(texts: Sequence[str], length: int) -> set[tuple[str, ...]]:
    """Return every run of `length` syllables in `texts`."""
    said = [plain(text) for text in texts]
    return {tuple(s[i : i + length]) for s in said for i in range(len(s) - length + 1)}


def stranger_text(voice: Voice, number: int, known: set[tuple[str, ...]], kind: str) -> str:
    """Return a new text for a voice; a different one has none of the runs `known`."""
    rng = np.random.default_rng([SEED, 7, number, KINDS.index(kind), *voice.name.encode()])
    write: Callable[..., str] = announcement if voice.language == "vi" else english_announcement
    if kind == "formula":
        return write(rng, syllables=_SYLLABLES)
    said: list[str] = []
    while sum(len(part.split()) for part in said) < _SYLLABLES:
        for part in write(rng, syllables=60).split(". "):
            sentence = part.rstrip(".") + "."
            if not runs_of([" ".join([*said[-1:], sentence])], SHARED + 1) & known:
                said.append(sentence)
    return " ".join(said)


class Campaign:
    """Index and voices, shared by the workers."""

    def __init__(self, corpus: Corpus, system: Loa) -> None:
        self.corpus = corpus
        self.system = system
        self._known = {
            voice.name: runs_of(texts_of(voice, self.corpus.indexed), SHARED + 1)
            for voice in self.corpus.voices
        }

    def hear(self, number: int) -> Heard:
        """Let the station hear stranger `number`; voices, kinds and ways come in turn."""
        voices = self.corpus.voices
        voice = voices[number % len(voices)]
        kind = KINDS[number // len(voices) % 3 // 2]  # two different ones to one of formulas
        way = list(WAYS)[number // (3 * len(voices)) % len(WAYS)]
        text = stranger_text(voice, number, self._known[voice.name], kind)
        sound = WAYS[way](
            at_house_rate(*read_aloud(text, voice)), np.random.default_rng([SEED, number])
        )
        named = tuple(
            (answer.second, str(answer.reference))
            for answer in self.system.listen(np.ascontiguousarray(sound, np.float32))
            if answer.verdict == "match"
        )
        return Heard(voice.name, kind, way, number, len(sound) // RATE_HZ, named)


def campaign_of(size: Size, fillers: int) -> Campaign:
    """Return a campaign with an index of its own."""
    corpus, system = Corpus(size), Loa()
    for bulletin in corpus.indexed:
        system.add(bulletin.name, corpus.sound(bulletin))
    if fillers:
        fill(system, corpus, fillers)
    return Campaign(corpus, system)


def texts_of(voice: Voice, bulletins: Sequence[Bulletin]) -> list[str]:
    """Return the texts of a voice."""
    return [bulletin.text for bulletin in bulletins if bulletin.voice == voice.name]


_campaign: Campaign | None = None


def _hear(number: int) -> Heard:
    assert _campaign is not None
    return _campaign.hear(number)


def hear_strangers(campaign: Campaign, trials: int, workers: int = 2) -> Iterator[Heard]:
    """Yield strangers until `trials` of them are different texts; in order."""
    global _campaign  # noqa: PLW0603 - forked workers find the index there without copying it
    _campaign = campaign
    done, number = 0, 0
    step = 2 * workers
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        while done < trials:
            for heard in pool.map(_hear, range(number, number + step)):
                done += heard.trials if heard.kind == "different" else 0
                yield heard
            number += step


def table(heard: Sequence[Heard]) -> str:
    """The trials as a table: kinds, and what was named."""
    lines = ["| texts | trials of 10 s | false | seconds named |", "|---|---|---|---|"]
    for kind in KINDS:
        own = [one for one in heard if one.kind == kind]
        found = Proportion(sum(one.false for one in own), sum(one.trials for one in own))
        low, high = found.interval()
        lines.append(
            f"| {kind} | {found.trials} | {found.hits} ({100 * low:.3f}-{100 * high:.3f} %) "
            f"| {sum(len(one.named) for one in own)} of {sum(one.seconds for one in own)} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the campaign; 1 if a different text was named."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    fillers = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    heard = []
    for one in hear_strangers(campaign_of(FULL, fillers), trials):
        heard.append(one)
        if one.named:
            print(one.voice, one.number, one.kind, one.way, one.named[:3], flush=True)
    print(table(heard), flush=True)
    return 1 if any(one.false and one.kind == "different" for one in heard) else 0


if __name__ == "__main__":
    sys.exit(main())
