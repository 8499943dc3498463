"""Weeks of stations at which nothing is wrong, and the alarms that are told all the same.

    python -m bench.watch.station_weeks [SECONDS] [--seed 1] [--set "held out"] [--results FILE …]

With `--results` every sitting is written as it is done and what a file has is not run again, so
that a campaign can be stopped, gone on with, and shared among processes (`--first`, a file each);
`--sum` adds files up.

Accelerated: stations are received in brief (`bench.watch.brief_station` says what is bypassed), a
sitting of `SITTING_S` after another (`bench.watch.sitting`, `bench.watch.own_carrier`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench.watch.programmes import SETS, Programmes
from bench.watch.sitting import Heard, hear, make_sitting
from bench.watch.weeks_table import Line, read_lines, table

LEAST_S = 1_800_000
SITTING_S = 600


def hear_weeks(
    programmes: Programmes, wanted_s: int, seed: int, sitting_s: int = SITTING_S, first: int = 0
) -> Iterator[Heard]:
    """Yield sittings from number `first` on, until `wanted_s` seconds were heard."""
    for number in range(first, first + -(-wanted_s // sitting_s)):
        yield hear(make_sitting(number, programmes, seed, sitting_s), programmes)


def main() -> int:
    """Run the campaign; 1 if anything was told or it was too short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, nargs="?", default=LEAST_S)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first sitting")
    parser.add_argument("--set", choices=SETS, default=SETS[1], dest="which")
    parser.add_argument("--results", type=Path, nargs="+", help="files to go on with, or to sum up")
    parser.add_argument("--sum", action="store_true", help="run nothing, add up the results")
    given = parser.parse_args()
    lines = [line for path in given.results or [] for line in read_lines(path)]
    try:
        if not given.sum:
            lines += _run(given, {(k.which, k.seed, k.number) for k in lines})
    finally:
        if lines:
            print("\n".join(table(lines)), flush=True)
    seconds = sum(line.seconds for line in lines)
    return 1 if any(line.alarms for line in lines) or seconds < given.seconds else 0


def _run(given: argparse.Namespace, done: set[tuple[str, int, int]]) -> Iterator[Line]:
    """Yield the sittings that are not done, and write each to the first results file."""
    programmes = Programmes.of_corpus(given.which)
    for number in range(given.first, given.first + -(-given.seconds // SITTING_S)):
        if (given.which, given.seed, number) in done:
            continue
        began_s = time.process_time()
        heard = hear(make_sitting(number, programmes, given.seed, SITTING_S), programmes)
        line = Line.of(heard, given.which, given.seed, time.process_time() - began_s)
        for told in line.alarms:
            print(number, *told, line.what, file=sys.stderr, flush=True)
        if given.results:
            with given.results[0].open("a") as out:
                out.write(json.dumps(asdict(line)) + "\n")
        yield line


if __name__ == "__main__":
    sys.exit(main())
