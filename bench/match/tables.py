"""Trials as tables of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.match.det import det_curve, miss_at
from bench.match.trials import Trial
from bench.proportion import Proportion


def share(trials: Iterable[Trial], what: str = "right") -> Proportion:
    """Return how many of the trials are `what`: right, wrong or at_place."""
    said = [bool(getattr(trial, what)) for trial in trials]
    return Proportion(sum(said), len(said))


def over_the_air(trials: Sequence[Trial]) -> str:
    """Detection after the real FM path and a codec, by system and length."""
    own = [t for t in trials if t.impairment.startswith("real FM")]
    lines = [
        "| real FM path at 15 dB audio SNR + codec | right (Wilson 95 %) | wrong |",
        "|---|---|---|",
    ]
    for system in dict.fromkeys(t.system for t in own):
        for seconds in (10.0, 5.0):
            mine = [t for t in own if t.system == system and t.seconds == seconds]
            lines.append(
                f"| {system}, {seconds:g} s | {share(mine)} | {share(mine, 'wrong').hits} |"
            )
    return "\n".join(lines)


def impairments(trials: Sequence[Trial]) -> str:
    """Right answers by impairment: ours with its wrong ones, and the peers' for 10 s."""
    known = [t for t in trials if t.bulletin and not t.impairment.startswith("real FM")]
    systems = list(dict.fromkeys(t.system for t in known))
    peers = systems[1:]
    heading = ["impairment", "10 s", "5 s", "wrong", *(f"{peer} 10 s" for peer in peers)]
    lines = ["| " + " | ".join(heading) + " |", "|---" * len(heading) + "|"]
    for name in dict.fromkeys(t.impairment for t in known):
        own = [t for t in known if t.impairment == name]
        cells = [name]
        mine = [t for t in own if t.system == systems[0]]
        cells += [_short(share(t for t in mine if t.seconds == s)) for s in (10.0, 5.0)]
        cells.append(str(share(mine, "wrong").hits))
        cells += [
            _short(share(t for t in own if t.system == peer and t.seconds == 10.0))
            for peer in peers
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def systems(trials: Sequence[Trial]) -> str:
    """Every system on the same excerpts: strangers named, and misses at equal false alarms."""
    lines = [
        "| system | excerpts | unknown ones named | known ones missed at 0 false | at 1 % false |",
        "|---|---|---|---|---|",
    ]
    speech = [t for t in trials if t.voice != "music"]
    for system in dict.fromkeys(t.system for t in speech):
        for seconds in (10.0, 5.0):
            own = [t for t in speech if t.system == system and t.seconds == seconds]
            known = [t for t in own if t.bulletin]
            unknown = [t for t in own if not t.bulletin]
            if not known or not unknown:
                continue
            curve = det_curve(known, unknown)
            lines.append(
                f"| {system} | {seconds:g} s | {share(unknown, 'wrong')} "
                f"| {100 * miss_at(curve, 0.0):.1f} % of {len(known)} "
                f"| {100 * miss_at(curve, 0.01):.1f} % |"
            )
    return "\n".join(lines)


def _short(found: Proportion) -> str:
    return f"{100 * found.share:.1f} % of {found.trials}" if found.trials else "–"
