"""Same voice, another text: hours of speech that is in no index, in voices that are.

    python -m bench.match.false_matches [TRIALS] [--fillers N] [--first-round 101] [--half tuning]
        [--results FILE]

Every stranger (`bench.match.strangers`) is heard in three ways: as one stream, of which ten seconds
are a trial; cut into clips of ten seconds, each heard alone; and into clips of five. A trial is
false if any of its seconds is answered with a bulletin. Trials are of the held-out half unless
`--half tuning` is given. Rounds before 101 had been seen when the limits of the verdict were last
chosen; from a later round on the texts are new to everybody, and recordings, which are always the
same, are left out. With `--results` what was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.match.clips import StrangerPrints, stranger_prints
from bench.match.corpus import FULL, Corpus
from bench.match.filling import fill, index_of
from bench.match.halves import HALVES, Half
from bench.match.kept_results import KeptResults
from bench.match.ours import Loa
from bench.match.strangers import KINDS, Kind, Stranger, recorded, strangers
from bench.match.trials import Trial
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

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Return what `dataclasses.asdict` and JSON made a row of."""
        named = tuple((int(second), str(reference)) for second, reference in row["named"])
        return cls(**{**row, "named": named})

    @property
    def false(self) -> int:
        """Trials with a named second."""
        return len(self.named)


def hear(system: Loa, prints: StrangerPrints) -> Iterator[Heard]:
    """Yield what a station makes of a stranger, heard in each way."""
    yield hear_stream(system, prints)
    for seconds, clips in prints.clips.items():
        named: dict[int, str] = {}
        for number, clip in enumerate(clips):
            for reference in first_named(system.listen_prints(clip), 1).values():
                named[round(number * seconds)] = reference
        yield _heard(prints.stranger, _clip(seconds), len(clips), named)


def hear_stream(system: Loa, prints: StrangerPrints) -> Heard:
    """Return what a station makes of a stranger that goes on."""
    trials = len(prints.stream) // (TRIAL_S * FRAMES_PER_SECOND)
    named = first_named(system.listen_prints(prints.stream), trials)
    return _heard(prints.stranger, "stream", trials, named)


def heard_in(trials: Sequence[Trial], stranger: Stranger) -> Iterator[Heard]:
    """Yield the same as `hear` of a stranger's clips, from trials of them."""
    ours = [trial for trial in trials if trial.system == Loa.name]
    for seconds in sorted({trial.seconds for trial in ours}, reverse=True):
        own = [trial for trial in ours if trial.seconds == seconds]
        named = {round(trial.start_s): trial.said.split("@")[0] for trial in own if trial.wrong}
        yield _heard(stranger, _clip(seconds), len(own), named)


def _clip(seconds: float) -> str:
    return f"{seconds:g} s clip"


def _heard(stranger: Stranger, how: str, trials: int, named: dict[int, str]) -> Heard:
    found = tuple(sorted(named.items()))
    return Heard(stranger.name, stranger.voice, stranger.kind, stranger.way, how, trials, found)


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
    corpus: Corpus,
    system: Loa,
    half: Half,
    least: int,
    kind: Kind = "different",
    *,
    first_round: int = 0,
    kept: KeptResults | None = None,
) -> Iterator[Heard]:
    """Yield strangers until at least `least` trials of each way are of `kind`."""
    kept = kept or KeptResults(None, "")
    done = dict.fromkeys(HOWS, 0)
    own = strangers(corpus, half, kind, first_round=first_round)
    recordings = recorded(corpus, half) if kind == "different" and not first_round else ()
    for stranger in itertools.chain(recordings, own):
        rows = kept.of(
            f"{stranger.name}, {stranger.way}", functools.partial(_rows, system, stranger)
        )
        for heard in map(Heard.of, rows):
            done[heard.how] += heard.trials
            yield heard
        if min(done.values()) >= least:
            return


def _rows(system: Loa, stranger: Stranger) -> list[dict[str, Any]]:
    return [dataclasses.asdict(heard) for heard in hear(system, stranger_prints(stranger))]


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
    parser = argparse.ArgumentParser(prog="python -m bench.match.false_matches")
    parser.add_argument("trials", type=int, nargs="?", default=10_000)
    parser.add_argument("--fillers", type=int, default=0, metavar="N")
    parser.add_argument("--first-round", type=int, default=0, metavar="N")
    parser.add_argument("--half", choices=HALVES, default="held out")
    parser.add_argument("--results", type=Path, metavar="FILE")
    options = parser.parse_args()
    corpus = Corpus(FULL)
    system = index_of(corpus)
    if options.fillers:
        fill(system, corpus, options.fillers)
    kept = KeptResults(options.results, f"{options.half}, {options.fillers} made bulletins")
    heard = []
    for one in hear_strangers(
        corpus, system, options.half, options.trials, first_round=options.first_round, kept=kept
    ):
        heard.append(one)
        if one.named:
            print(one.name, one.way, one.how, one.named[:3], flush=True)
    print(table(heard), flush=True)
    print(f"CPU seconds: {sum(kept.cpu_s.values()):.0f}")
    long_ones = [one for one in heard if one.how != "5 s clip"]
    return 1 if any(one.false for one in long_ones) else 0


if __name__ == "__main__":
    sys.exit(main())
