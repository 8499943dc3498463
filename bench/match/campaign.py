"""The whole bench of recognition: corpus, index, trials, speed, tables, curve.

    python -m bench.match.campaign [--quick] [FOLDER]

writes results.jsonl, det.png and tables.md to FOLDER (`out/bench-match`), and prints the tables.
The sizes are in `Plan`; `loa bench match` takes its rows from here. Long work shows how far it is,
and what was stopped goes on where it was (`bench.match.kept_results`).
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.impair.catalogue import catalogue
from bench.match import det, detection, false_matches, jingles, tables
from bench.match.clips import LENGTHS_S, aired, stranger_prints
from bench.match.corpus import FULL, QUICK, Corpus, Size
from bench.match.filling import fill, index_of
from bench.match.halves import Half
from bench.match.kept_results import KeptResults
from bench.match.strangers import UNSEEN_ROUND, Stranger, recorded, strangers
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
    curve_trials: int  # strangers' clips of 10 s, and as much sound in clips of 5 s
    jingle_trials: int


QUICK_PLAN = Plan(QUICK, 200, 2, 2, 4, 2, 1, 60, 60, 4)
# The curve ends at one false alarm in 2 000.
FULL_PLAN = Plan(FULL, 10_000, 30, 4, 99, 20, 8, 10_000, 3_000, 200)


class Bench:
    """Corpus and indices of one run."""

    def __init__(self, plan: Plan, kept: KeptResults, step: Step) -> None:
        self.plan = plan
        self.step = step
        self._kept = kept
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
            yield from self._of(
                f"over the air: {own[place].name}",
                detection.on_the_air(
                    corpus,
                    own[place],
                    plan.clips_per_bulletin,
                    self.ours,
                    self.peers,
                    plan.for_peers,
                ),
            )
            self.step("over the air", number / len(chosen))
        names = list(catalogue())
        for number, name in enumerate(names, start=1):
            made = detection.impaired(corpus, HALF, name, plan.per_impairment, self.ours)
            yield from self._of(f"impairments: {name}", made)
            self.step("impairments", number / len(names))
        for bulletin in (b for b in corpus.indexed if b.kind == "music"):
            made = detection.music(corpus, bulletin, plan.for_peers, self.ours, self.peers)
            yield from self._of(f"music: {bulletin.name}", made)

    def strangers(self) -> Iterator[Trial | false_matches.Heard]:
        """Yield same voices with other texts: as streams, and as clips for the curve."""
        done = 0
        for number, stranger in enumerate(self._all_strangers()):
            on_curve = done < self.plan.curve_trials
            key = f"strangers: {stranger.name}, {stranger.way}"
            rows = self._kept.of(key, functools.partial(self._heard, stranger, number, on_curve))
            for row in rows:
                one = _trial_or_heard(row)
                yield one
                if isinstance(one, false_matches.Heard) and one.how == "10 s clip":
                    done += one.trials
            self.step("same voice, another text", min(done / self.plan.false_match_trials, 1.0))
            if done >= self.plan.false_match_trials:
                return

    def _all_strangers(self) -> Iterator[Stranger]:
        yield from recorded(self.corpus, HALF)
        yield from strangers(self.corpus, HALF, first_round=UNSEEN_ROUND)

    def _heard(self, stranger: Stranger, number: int, on_curve: bool) -> list[dict[str, Any]]:
        """Return the rows of a stranger: its trials on the curve, and what it was taken for."""
        prints = stranger_prints(stranger, LENGTHS_S if on_curve else LENGTHS_S[:1])
        every, most = _EVERY_FOR_PEERS, _EVERY_FOR_PEERS * self.plan.strangers_for_peers
        peers = self.peers if number % every == 0 and number < most else []
        if not on_curve:
            return [dataclasses.asdict(one) for one in false_matches.hear(self.ours, prints)]
        trials = list(detection.unknown(prints, self.ours, peers))
        heard = [false_matches.hear_stream(self.ours, prints)]
        heard += false_matches.heard_in(trials, stranger)
        return [*map(dataclasses.asdict, trials), *map(dataclasses.asdict, heard)]

    def jingled(self) -> list[jingles.Jingled]:
        """Return the trials of jingles."""
        bench = jingles.Jingles(self.corpus)
        found = []
        for number in range(self.plan.jingle_trials):
            made = map(dataclasses.asdict, map(bench.trial, [number]))
            rows = self._kept.of(f"jingles: {number}", functools.partial(list, made))
            found += [jingles.Jingled(**row | {"others": tuple(row["others"])}) for row in rows]
            self.step("jingles", (number + 1) / self.plan.jingle_trials)
        return found

    def _of(self, key: str, made: Iterable[Trial]) -> list[Trial]:
        rows = self._kept.of(key, lambda: map(dataclasses.asdict, made))
        return [Trial(**row) for row in rows]


def _trial_or_heard(row: dict[str, Any]) -> Trial | false_matches.Heard:
    return false_matches.Heard.of(row) if "how" in row else Trial(**row)


@dataclass(frozen=True)
class Done:
    """What a run came to, and what each part of it cost in CPU seconds."""

    bench: Bench
    trials: list[Trial]
    heard: list[false_matches.Heard]
    jingled: list[jingles.Jingled]
    text: str
    cpu_s: dict[str, float] = field(default_factory=dict)


def run(plan: Plan, folder: Path, step: Step) -> Done:
    """Run everything but the speed rows; write the results, the curve and the tables."""
    kept = KeptResults(folder / "results.jsonl", repr(plan))
    bench = Bench(plan, kept, step)
    bench.fill_up()
    found = list(bench.trials())
    heard: list[false_matches.Heard] = []
    for one in bench.strangers():
        (found if isinstance(one, Trial) else heard).append(one)  # type: ignore[arg-type]
    jingled = bench.jingled()
    cost_s = _by_part(kept.cpu_s)
    text = report(found, heard, jingled, bench.missing)
    text += "\nCPU seconds: " + ", ".join(f"{part} {s:.0f}" for part, s in cost_s.items()) + "\n"
    (folder / "tables.md").write_text(text, encoding="utf-8")
    det.plot(
        [t for t in found if not t.bulletin or t.impairment.startswith("real FM")],
        folder / "det.png",
        "Clips of the held-out half: over the air at 15 dB, and other texts of the voices",
    )
    return Done(bench, found, heard, jingled, text, cost_s)


def _by_part(cpu_s: dict[str, float]) -> dict[str, float]:
    """Return the CPU seconds of each part; a key begins with its part."""
    parts: dict[str, float] = {}
    for key, seconds in cpu_s.items():
        part = key.split(": ", 1)[0]
        parts[part] = parts.get(part, 0.0) + seconds
    return parts


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
    print(done.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
