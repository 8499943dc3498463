"""Draws what mastering did: waveform, short-term loudness and gain, before and after.

One narrow column of three panels, so that it can be read on a phone (360 px) and in print. Text is
drawn as outlines: the file looks the same on a machine without our fonts.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

COLUMNS = 900
BEFORE_COLOUR = "#8a8f98"
AFTER_COLOUR = "#0b7285"
FLOOR_LUFS = -60.0
UNITS_ONLY = {
    "waveform": "±1",
    "loudness": "LUFS",
    "gain": "dB",
    "time": "s",
    "before": "",
    "after": "",
}


@dataclass(frozen=True)
class Waveform:
    """Lowest and highest sample in each of at most `COLUMNS` stretches of a programme."""

    duration_s: float
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


@dataclass(frozen=True)
class ProgrammeTrace:
    """What is drawn of one side: its waveform and its short-term loudness every 100 ms."""

    waveform: Waveform
    short_term_lufs: npt.NDArray[np.floating[Any]]


def trace_waveform(blocks: Iterable[npt.NDArray[Any]], sample_rate_hz: int) -> Waveform:
    """Reduce decoded blocks, int16 or float32 of shape (n, channels), to what a plot can show."""
    step = max(1, sample_rate_hz // 50)
    lows: list[npt.NDArray[np.float32]] = []
    highs: list[npt.NDArray[np.float32]] = []
    count = 0
    for block in blocks:
        scale = 1 / 32768 if block.dtype == np.int16 else 1.0
        mono = np.nan_to_num(block.mean(axis=1, dtype=np.float32)) * np.float32(scale)
        edges = np.arange(0, len(mono), step)
        if len(mono):
            lows.append(np.minimum.reduceat(mono, edges))
            highs.append(np.maximum.reduceat(mono, edges))
        count += len(mono)
    low = np.concatenate(lows) if lows else np.zeros(1, np.float32)
    high = np.concatenate(highs) if highs else np.zeros(1, np.float32)
    edges = np.unique(np.linspace(0, len(low), COLUMNS, endpoint=False).astype(int))
    return Waveform(
        count / sample_rate_hz, np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
    )


def mastering_svg(
    before: ProgrammeTrace,
    after: ProgrammeTrace,
    gain_db: npt.NDArray[np.float64],
    target_lufs: float,
    words: Mapping[str, str] = UNITS_ONLY,
) -> str:
    """Return the plot as SVG text; `gain_db` has one value every 100 ms.

    `words` names the axes; where the page around the plot does that in the reader's language, units
    alone are enough.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure

    style: Any = {
        "svg.hashsalt": "loa",
        "svg.fonttype": "path",
        "font.family": ["DejaVu Sans"],
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(5.2, 6.0), layout="constrained")
        wave, loudness, gain = figure.subplots(
            3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 3, 2]}
        )
        draw_waveforms(wave, before.waveform, after.waveform, words)
        draw_loudness(loudness, before, after, target_lufs, words)
        gain.plot(np.arange(len(gain_db)) / 10, gain_db, color=AFTER_COLOUR, linewidth=1)
        gain.set_ylabel(words["gain"])
        gain.set_xlabel(words["time"])
        gain.grid(visible=True, alpha=0.25)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def draw_waveforms(axes: Any, before: Waveform, after: Waveform, words: Mapping[str, str]) -> None:
    """Draw the mastered waveform behind the original one."""
    for side, colour, label in (
        (after, AFTER_COLOUR, words["after"]),
        (before, BEFORE_COLOUR, words["before"]),
    ):
        time_s = np.linspace(0, side.duration_s, len(side.low))
        axes.fill_between(time_s, side.low, side.high, color=colour, linewidth=0, label=label)
    axes.set_ylim(-1, 1)
    axes.set_ylabel(words["waveform"])
    if words["before"]:
        axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=9)


def draw_loudness(
    axes: Any,
    before: ProgrammeTrace,
    after: ProgrammeTrace,
    target_lufs: float,
    words: Mapping[str, str],
) -> None:
    """Draw short-term loudness of both sides and the target between them."""
    for side, colour in ((before, BEFORE_COLOUR), (after, AFTER_COLOUR)):
        lufs = np.asarray(side.short_term_lufs, dtype=float)
        # A short-term value closes its 3 s window: the first one belongs to second 3.
        time_s = 3.0 + np.arange(len(lufs)) / 10
        axes.plot(time_s, np.where(lufs > FLOOR_LUFS, lufs, np.nan), color=colour, linewidth=1.2)
    axes.axhline(target_lufs, color="#c92a2a", linewidth=0.9, linestyle="--")
    axes.set_ylabel(words["loudness"])
    axes.grid(visible=True, alpha=0.25)
