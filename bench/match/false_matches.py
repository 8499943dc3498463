"""Same voice, another text: hours of speech that is in no index, in voices that are.

    python -m bench.match.false_matches [TRIALS] [FILLERS] [tuning]

Every stranger (`bench.match.strangers`) is heard in three ways: as one stream, of which ten seconds
are a trial; cut into clips of ten seconds, each heard alone; and into clips of five. A trial is
false if any of its seconds is answered with a bulletin. Trials are of the held-out half unless
`tuning` is said. Prints are cached, so a second run takes minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.match.clips import StrangerPrints, stranger_prints
from bench.match.corpus import FULL, Corpus
from bench.match.filling import fill, index_of
from bench.match.halves import Half
from bench.match.ours import Loa
from bench.match.strangers import KINDS, Kind, strangers
from bench.proportion import Proportion
from dsp.recognise.grid import FRAMES_PER_SECOND
from ingest.reference.answer import Answer

TRIAL_S = 10
HOWS = ("stream", "10 s clip", "5 s clip")


@dataclass(frozen=True)
class Heard:
    """One stranger heard in one way: trials, false ones, and the first named second of each."""

    name: str
    voice: str
    kind: Kind
    way: str
    how: str
    trials: int
    named: tuple[tuple[int, str], ...]

    @property
    def false(self) -> int:
        """Trials with a named second."""
        return len(self.named)


def hear(system: Loa, prints: StrangerPrints) -> Iterator[Heard]:
    """Yield what a station makes of a stranger, heard in each way."""
    stranger = prints.stranger

    def heard(how: str, trials: int, named: dict[int, str]) -> Heard:
        found = tuple(sorted(named.items()))
        return Heard(stranger.name, stranger.voice, stranger.kind, stranger.way, how, trials, found)

    trials = len(prints.stream) // (TRIAL_S * FRAMES_PER_SECOND)
    yield heard("stream", trials, first_named(system.listen_prints(prints.stream), trials))
    for seconds, clips in prints.clips.items():
        named: dict[int, str] = {}
        for number, clip in enumerate(clips):
            for reference in first_named(system.listen_prints(clip), 1).values():
                named[round(number * seconds)] = reference
        yield heard(f"{seconds:g} s clip", len(clips), named)


def first_named(answers: Sequence[Answer], trials: int) -> dict[int, str]:
    """Return the first named second of each of the first `trials` trials, with its reference."""
    named: dict[int, str] = {}
    done = set()
    for answer in answers:
        trial = answer.second // TRIAL_S
        if answer.verdict == "match" and trial < trials and trial not in done:
            done.add(trial)
            named[answer.second] = str(answer.reference)
    return named


def hear_strangers(
    corpus: Corpus, system: Loa, half: Half, least: int, kind: Kind = "different"
) -> Iterator[Heard]:
    """Yield strangers until at least `least` trials of each way are of `kind`."""
    done = dict.fromkeys(HOWS, 0)
    for stranger in strangers(corpus, half, kind):
        for heard in hear(system, stranger_prints(stranger)):
            done[heard.how] += heard.trials
            yield heard
        if min(done.values()) >= least:
            return


def count(heard: Sequence[Heard], kind: Kind, how: str) -> Proportion:
    """Return how many trials of a kind were false."""
    own = [one for one in heard if (one.kind, one.how) == (kind, how)]
    return Proportion(sum(one.false for one in own), sum(one.trials for one in own))


def table(heard: Sequence[Heard]) -> str:
    """The trials as a table: kinds of text, and how they were heard."""
    lines = ["| texts | heard as | trials | false (Wilson 95 %) |", "|---|---|---|---|"]
    for kind in KINDS:
        for how in HOWS:
            found = count(heard, kind, how)
            low, high = found.interval()
            if found.trials:
                lines.append(
                    f"| {kind} | {how} | {found.trials} "
                    f"| {found.hits} ({100 * low:.3f}-{100 * high:.3f} %) |"
                )
    return "\n".join(lines)


def main() -> int:
    """Run the campaign; 1 if a different text was named in a stream or a clip of ten seconds."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    least = numbers[0] if numbers else 10_000
    fillers = numbers[1] if len(numbers) > 1 else 0
    half: Half = "tuning" if "tuning" in sys.argv else "held out"
    corpus = Corpus(FULL)
    system = index_of(corpus)
    if fillers:
        fill(system, corpus, fillers)
    heard = []
    for one in hear_strangers(corpus, system, half, least):
        heard.append(one)
        if one.named:
            print(one.name, one.way, one.how, one.named[:3], flush=True)
    print(table(heard), flush=True)
    long_ones = [one for one in heard if one.how != "5 s clip"]
    return 1 if any(one.false for one in long_ones) else 0


if __name__ == "__main__":
    sys.exit(main())
