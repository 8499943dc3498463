"""How soon, and how surely, is a strange voice found? Trials of `bench.watch`, judged by the watch.

    python -m bench.watch.strange_voice [--trials 200] [--seed 1] [--set "held out"]
                                        [--kinds capture …]

Every trial is rendered as 8-bit IQ and received as any station is (1.6 s each); `--how kept` judges
again what was received before, `--how brief` makes records and sound without IQ (no stranger's
carrier there: see `bench.watch.brief_station`) and ends a trial with its alarm. A trial that went
wrong is told on stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator

from bench.watch.brief_station import brief
from bench.watch.programmes import SETS, Programmes
from bench.watch.reception import judge, kept, receive
from bench.watch.score import Score, score, table
from bench.watch.trial import KINDS, make_trial
from ingest.watch.verdict import Verdict

HOW = {"received": receive, "kept": kept, "brief": brief}


def run(
    programmes: Programmes, kinds: Iterable[str], numbers: Iterable[int], seed: int, how: str
) -> Iterator[Score]:
    """Yield the scores of the trials, all kinds of a number before the next number."""
    names, get = list(kinds), HOW[how]
    for number in numbers:
        for kind in names:
            trial = make_trial(kind, number, programmes, seed)
            verdicts = judge(
                get(trial, programmes), trial, programmes.references, to_the_end=how != "brief"
            )
            found = score(trial, verdicts, programmes)
            if found.false or not found.in_time:
                told(found, verdicts)
            yield found


def told(found: Score, verdicts: list[Verdict]) -> None:
    """Print a trial that went wrong to stderr."""
    trial = found.trial
    print(
        f"{trial.kind} {trial.number} {trial.own} / {trial.other} rds {trial.rds} "
        f"cn {trial.cn_db:.0f} {[(f.kind, f.start_s, f.value) for f in trial.faults]} "
        f"after {found.after_s}",
        [(v.second, v.finding, v.detail) for v in found.false],
        [(v.second, v.finding) for v in verdicts if v.finding != "ok"][:16],
        file=sys.stderr,
        flush=True,
    )


def main() -> None:
    """Run the trials and print their table; what is done so far when interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", choices=SETS, default=SETS[1], dest="which")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--how", choices=list(HOW), default="received")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.trials)
    scores: list[Score] = []
    try:
        programmes = Programmes.of_corpus(given.which)
        scores.extend(run(programmes, given.kinds, numbers, given.seed, given.how))
    finally:
        print("\n".join(table(scores)))


if __name__ == "__main__":
    main()
