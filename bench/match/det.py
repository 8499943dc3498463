"""Detection error trade-off: misses over false alarms as the threshold moves, one curve a system.

Both axes are those of Martin et al. (Eurospeech 1997), deviates of the normal distribution, on
which Gaussian scores give straight lines. A target whose best candidate is not at its true place is
missed at every threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from bench.match.trials import Trial

Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


def det_curve(targets: Sequence[Trial], strangers: Sequence[Trial]) -> Curve:
    """Return (false alarm rates, miss rates) of every threshold, loosest first."""
    hits = np.array([trial.score if trial.at_place else -np.inf for trial in targets])
    others = np.array([trial.score for trial in strangers])
    thresholds = np.unique(np.concatenate([hits[np.isfinite(hits)], others]))
    thresholds = np.append(thresholds, np.inf)
    hits, others = np.sort(hits), np.sort(others)
    missed = np.searchsorted(hits, thresholds, side="left") / max(len(hits), 1)
    alarmed = 1.0 - np.searchsorted(others, thresholds, side="left") / max(len(others), 1)
    return alarmed, missed


def miss_at(curve: Curve, alarms: float) -> float:
    """Return the smallest miss rate with at most so many false alarms."""
    alarmed, missed = curve
    return float(missed[alarmed <= alarms].min())


def plot(trials: Sequence[Trial], path: Path, title: str) -> None:
    """Draw a curve for every system and length of excerpt to a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 6.5), dpi=110)
    floor = 0.0005
    systems = list(dict.fromkeys(trial.system for trial in trials))
    for colour, system in zip(("C0", "C1", "C2"), systems, strict=False):
        for style, seconds in (("-", 10.0), ("--", 5.0)):
            own = [t for t in trials if t.system == system and t.seconds == seconds]
            targets = [t for t in own if t.bulletin]
            strangers = [t for t in own if not t.bulletin]
            if not targets or not strangers:
                continue
            alarmed, missed = det_curve(targets, strangers)
            axes.plot(
                ndtri(np.clip(alarmed, floor, 0.6)),
                ndtri(np.clip(missed, floor, 0.6)),
                style,
                color=colour,
                drawstyle="steps-post",
                label=f"{system}, {seconds:g} s ({len(targets)} known, {len(strangers)} unknown)",
            )
    for axis, set_limit in ((axes.xaxis, axes.set_xlim), (axes.yaxis, axes.set_ylim)):
        axis.set_ticks([ndtri(tick) for tick in _TICKS], [f"{100 * tick:g}" for tick in _TICKS])
        set_limit(ndtri(floor), ndtri(0.6))
    axes.set_xlabel("unknown excerpts named, %")
    axes.set_ylabel("known excerpts missed, %")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
