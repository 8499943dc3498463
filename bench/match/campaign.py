"""The whole bench of recognition: corpus, index, trials, speed, tables, curve.

    python -m bench.match.campaign [--quick] [FOLDER]

writes trials.jsonl, det.png and tables.md to FOLDER (`out/bench-match`), and prints the tables. The
sizes are in `Plan`; `loa bench match` takes its rows from here. Long work shows how far it is.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.match import det, detection, false_matches, jingles, tables
from bench.match.clips import aired, stranger_prints
from bench.match.corpus import FULL, QUICK, Corpus, Size
from bench.match.filling import fill, index_of
from bench.match.halves import Half
from bench.match.strangers import strangers
from bench.match.system import System
from bench.match.trials import Trial
from bench.peers.audfprint_match import Audfprint
from bench.peers.audfprint_match import installed as audfprint_installed
from bench.peers.chromaprint_match import Chromaprint
from bench.peers.chromaprint_match import installed as chromaprint_installed

HALF: Half = "held out"  # what the figures are of; nothing was chosen on it

_EVERY_FOR_PEERS = 7  # strangers: of every voice and way in turn

Step = Callable[[str, float], None]


@dataclass(frozen=True)
class Plan:
    """How many of everything; the full one is what the figures of the page were made with."""

    size: Size
    fillers: int
    clips_per_bulletin: int  # of each length, over the real FM path
    for_peers: int  # of them
    most_over_the_air: int  # bulletins
    per_impairment: int  # of each length
    strangers_for_peers: int
    false_match_trials: int
    jingle_trials: int


QUICK_PLAN = Plan(QUICK, 200, 2, 2, 4, 2, 1, 60, 4)
FULL_PLAN = Plan(FULL, 10_000, 30, 4, 99, 20, 8, 10_000, 200)


class Bench:
    """Corpus and indices of one run."""

    def __init__(self, plan: Plan, step: Step) -> None:
        self.plan = plan
        self.step = step
        self.corpus = Corpus(plan.size)
        self.corpus.prepare(step)
        self.peers: list[System] = []
        self.missing = list(self.corpus.missing)
        for make, there in (
            (Chromaprint, chromaprint_installed()),
            (Audfprint, audfprint_installed()),
        ):
            if there:
                self.peers.append(make())
            else:
                self.missing.append(make.name)
        self.ours = index_of(self.corpus)
        for number, bulletin in enumerate(self.corpus.indexed, start=1):
            for peer in self.peers:
                peer.add(bulletin.name, self.corpus.sound(bulletin))
            step("index", number / len(self.corpus.indexed))

    def fill_up(self) -> None:
        """Fill our index up; the peers keep the corpus alone, which favours them."""
        self.step("made bulletins", 0.0)
        fill(self.ours, self.corpus, self.plan.fillers)

    def trials(self) -> Iterator[Trial]:
        """Yield all trials of known clips: the real FM path, every impairment, music."""
        plan, corpus = self.plan, self.corpus
        own = aired(corpus.indexed, HALF)
        chosen = np.random.default_rng(1).permutation(len(own))[: plan.most_over_the_air]
        for number, place in enumerate(chosen, start=1):
            yield from detection.on_the_air(
                corpus,
                own[place],
                plan.clips_per_bulletin,
                self.ours,
                self.peers,
                plan.for_peers,
            )
            self.step("over the air", number / len(chosen))
        self.step("impairments", 0.0)
        yield from detection.each_impairment(corpus, HALF, plan.per_impairment, self.ours)
        self.step("music", 0.0)
        yield from detection.music(corpus, plan.for_peers, self.ours, self.peers)

    def strangers(self) -> Iterator[Trial | false_matches.Heard]:
        """Yield same voices with other texts: as clips for the curve, and in every way."""
        done, least = 0, self.plan.false_match_trials
        for number, stranger in enumerate(strangers(self.corpus, HALF)):
            prints = stranger_prints(stranger)
            every, most = _EVERY_FOR_PEERS, _EVERY_FOR_PEERS * self.plan.strangers_for_peers
            peers = self.peers if number % every == 0 and number < most else []
            yield from detection.unknown(prints, self.ours, peers)
            for one in false_matches.hear(self.ours, prints):
                yield one
                done += one.trials if one.how == "10 s clip" else 0
            self.step("same voice, another text", min(done / least, 1.0))
            if done >= least:
                return


def run(plan: Plan, folder: Path, step: Step) -> dict[str, Any]:
    """Run everything but the speed rows; write the trials, the curve and the tables to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(plan, step)
    bench.fill_up()
    found: list[Trial] = []
    heard: list[false_matches.Heard] = []
    with (folder / "trials.jsonl").open("w", encoding="utf-8") as file:
        for one in itertools.chain(bench.trials(), bench.strangers()):
            (found if isinstance(one, Trial) else heard).append(one)  # type: ignore[arg-type]
            file.write(json.dumps(dataclasses.asdict(one), ensure_ascii=False) + "\n")
    step("jingles", 0.0)
    jingle_bench = jingles.Jingles(bench.corpus)
    jingled = [jingle_bench.trial(number) for number in range(plan.jingle_trials)]
    text = report(found, heard, jingled, bench.missing)
    (folder / "tables.md").write_text(text, encoding="utf-8")
    det.plot(
        [t for t in found if not t.bulletin or t.impairment.startswith("real FM")],
        folder / "det.png",
        "Clips of the held-out half: over the air at 15 dB, and other texts of the voices",
    )
    return {"bench": bench, "trials": found, "heard": heard, "jingled": jingled, "text": text}


def report(
    trials: Sequence[Trial],
    heard: Sequence[false_matches.Heard],
    jingled: Sequence[jingles.Jingled],
    missing: Sequence[str],
) -> str:
    """All tables as one text."""
    parts = [tables.over_the_air(trials), tables.impairments(trials), tables.systems(trials)]
    if heard:
        parts.append(false_matches.table(heard))
    parts.append(jingles.table(jingled))
    if missing:
        parts.append("Left out, not installed here: " + ", ".join(missing))
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Run the campaign as a command."""
    quick = "--quick" in sys.argv
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("--")]
    folder = folders[0] if folders else Path("out") / "bench-match"
    plan = QUICK_PLAN if quick else FULL_PLAN
    last = [""]

    def step(label: str, share: float) -> None:
        said = f"{label} {10 * int(10 * share)} %"
        if said != last[0]:
            last[0] = said
            print(said, file=sys.stderr, flush=True)

    print(plan, file=sys.stderr)
    done = run(plan, folder, step)
    print(done["text"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
