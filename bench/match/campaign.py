"""The whole bench of recognition: corpus, index, trials, speed, tables, curve.

    python -m bench.match.campaign [--quick] [FOLDER]

writes trials.jsonl, det.png and tables.md to FOLDER (`out/bench-match`), and prints the tables. The
sizes are in `Plan`; `loa bench match` takes its rows from here. Long work shows how far it is.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.match import det, detection, false_matches, tables
from bench.match.corpus import FULL, QUICK, Corpus, Size
from bench.match.filling import fill
from bench.match.ours import Loa
from bench.match.system import RATE_HZ, System
from bench.match.trials import Trial
from bench.peers.audfprint_match import Audfprint
from bench.peers.audfprint_match import installed as audfprint_installed
from bench.peers.chromaprint_match import Chromaprint
from bench.peers.chromaprint_match import installed as chromaprint_installed

Step = Callable[[str, float], None]


@dataclass(frozen=True)
class Plan:
    """How many of everything; the full one is what the figures of the page were made with."""

    size: Size
    fillers: int
    excerpts_per_bulletin: int  # of each length, over the real FM path
    most_over_the_air: int  # bulletins
    per_impairment: int
    strangers_per_impairment: int
    false_match_trials: int


QUICK_PLAN = Plan(QUICK, 200, 2, 4, 6, 4, 60)
FULL_PLAN = Plan(FULL, 10_000, 8, 75, 80, 40, 10_000)


class Bench:
    """Corpus and indices of one run."""

    def __init__(self, plan: Plan, step: Step) -> None:
        self.plan = plan
        self.step = step
        self.corpus = Corpus(plan.size)
        self.corpus.prepare(step)
        self.ours = Loa()
        self.peers: list[System] = []
        self.missing = list(self.corpus.missing)
        for peer, there in (
            (Chromaprint, chromaprint_installed()),
            (Audfprint, audfprint_installed()),
        ):
            if there:
                self.peers.append(peer())
            else:
                self.missing.append(peer.name)
        for number, bulletin in enumerate(self.corpus.indexed, start=1):
            sound = self.corpus.sound(bulletin)
            for system in (self.ours, *self.peers):
                system.add(bulletin.name, sound)
            step("index", number / len(self.corpus.indexed))

    def fill_up(self) -> None:
        """Fill our index up; the peers keep the corpus alone, which favours them."""
        self.step("made bulletins", 0.0)
        fill(self.ours, self.corpus, self.plan.fillers)

    def trials(self) -> Iterator[Trial]:
        """Yield all trials of excerpts: the real FM path, every impairment, strangers."""
        plan, corpus = self.plan, self.corpus
        speech = [b for b in corpus.indexed if b.kind != "music"]
        speech = [b for b in speech if len(corpus.sound(b)) > 15 * RATE_HZ]
        order = np.random.default_rng(1).permutation(len(speech))
        aired = [speech[n] for n in order[: plan.most_over_the_air]]
        for number, bulletin in enumerate(aired, start=1):
            self.step("over the air", number / len(aired))
            cut = detection.fm_and_codec(corpus, [bulletin], plan.excerpts_per_bulletin)
            yield from detection.run(cut, self.ours, self.peers)
        self.step("impairments", 0.0)
        cut = detection.each_impairment(corpus, speech, plan.per_impairment)
        yield from detection.run(cut, self.ours, self.peers)
        self.step("strangers", 0.0)
        unknown = [b for b in corpus.strangers if b.kind != "music"]
        cut = detection.each_impairment(corpus, unknown, plan.strangers_per_impairment, known=False)
        yield from detection.run(cut, self.ours, self.peers)
        music = [b for b in corpus.indexed if b.kind == "music"]
        cut = detection.fm_noise_only(corpus, music, plan.excerpts_per_bulletin)
        yield from detection.run(cut, self.ours, self.peers)

    def false_matches(self) -> list[false_matches.Heard]:
        """Same voices, other texts."""
        heard, done = [], 0
        least = self.plan.false_match_trials
        for one in false_matches.hear_strangers(self.corpus, self.ours, "held out", least):
            heard.append(one)
            done += one.trials if one.how == "10 s clip" else 0
            self.step("same voice, another text", min(done / least, 1.0))
        return heard


def run(plan: Plan, folder: Path, step: Step, *, long_part: bool = True) -> dict[str, Any]:
    """Run everything but the speed rows; write the trials, the curve and the tables to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(plan, step)
    bench.fill_up()
    found: list[Trial] = []
    with (folder / "trials.jsonl").open("w", encoding="utf-8") as file:
        for trial in bench.trials():
            found.append(trial)
            file.write(json.dumps(dataclasses.asdict(trial), ensure_ascii=False) + "\n")
    heard = bench.false_matches() if long_part else []
    text = report(found, heard, bench.missing)
    (folder / "tables.md").write_text(text, encoding="utf-8")
    det.plot(
        [trial for trial in found if trial.voice != "music"],
        folder / "det.png",
        "Excerpts of speech, all impairments and the real FM path, each threshold",
    )
    return {"bench": bench, "trials": found, "heard": heard, "text": text}


def report(
    trials: Sequence[Trial], heard: Sequence[false_matches.Heard], missing: Sequence[str]
) -> str:
    """All tables as one text."""
    parts = [tables.over_the_air(trials), tables.impairments(trials), tables.systems(trials)]
    if heard:
        parts.append(false_matches.table(heard))
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
    done = run(plan, folder, step, long_part="--no-false-matches" not in sys.argv)
    print(done["text"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
