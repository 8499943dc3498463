"""Rows of `loa bench match`: detection, false matches, speed; the full run also writes its page.

`--quick` takes a few minutes and shows that everything runs; only the full one judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.match import false_matches, speed
from bench.match.campaign import FULL_PLAN, QUICK_PLAN, Plan, run
from bench.match.tables import share
from bench.match.trials import Trial
from bench.row import row
from loa.progress import Progress
from loa.reporting import note

REQUIRED_DETECTION = {10.0: 0.99, 5.0: 0.95}
_ENOUGH_TRIALS = 10_000
FOLDER = Path("out") / "bench-match"


def rows(*, runs: int, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Run the campaign, then time the index it filled."""
    plan = QUICK_PLAN if quick else FULL_PLAN
    note(f"{'quick' if quick else 'full'} size: {plan}")
    with Progress() as progress:
        done = run(plan, FOLDER, progress.step)
    note(done.text)
    note(f"results, tables and curve are in {FOLDER}")
    yield from detection_rows(done.trials, plan)
    for how in false_matches.HOWS:
        yield false_match_row(done.heard, how)
    yield from speed.rows(done.bench.ours, done.bench.corpus, runs=runs)


def false_match_row(heard: Sequence[false_matches.Heard], how: str) -> dict[str, Any]:
    """Return the row of one way of hearing; five seconds are shown without a verdict."""
    found = false_matches.count(heard, "different", how)
    judged = how != "5 s clip"
    # Too few trials prove nothing, but one false match is one too many.
    proved = False if found.hits else None if found.trials < _ENOUGH_TRIALS else True
    return row(
        f"false matches, same voice, different text, {how}, held out: {found}",
        float(found.hits),
        "trials",
        "0 of ≥ 10 000" if judged else None,
        ok=proved if judged else None,
        runs=1,
    )


def detection_rows(trials: list[Trial], plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each length over the real FM path, ours beside the better peer."""
    aired = [trial for trial in trials if trial.impairment.startswith("real FM")]
    for seconds, needed in REQUIRED_DETECTION.items():
        own = [trial for trial in aired if trial.seconds == seconds]
        found = share(trial for trial in own if trial.system == "Loa")
        peers = {
            name: share(trial for trial in own if trial.system == name).share
            for name in dict.fromkeys(trial.system for trial in own)
            if name != "Loa"
        }
        best = max(peers, key=lambda name: peers[name], default=None)
        yield row(
            f"{seconds:g} s excerpt after FM at 15 dB and a codec, {plan.fillers} made bulletins: "
            f"{found}",
            100.0 * found.share,
            "%",
            f"≥ {100 * needed:g}",
            ok=found.share >= needed,
            peer=best,
            peer_value=100.0 * peers[best] if best else None,
            ratio=None,
            runs=1,
        )
