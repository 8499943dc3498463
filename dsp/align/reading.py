"""What is known of a delay, and a refusal to tell one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dsp.receive.meters.figure import Figure

SHORTEST_S = 2.5


@dataclass(frozen=True)
class DelayReading:
    """What is known of a delay.

    Attributes
    ----------
    delay
        Seconds, + = heard later, in the middle of what was heard.
    drift_ppm
        Parts per million by which the delay grows (+ = what was heard runs slower).
    score
        See `lines.Line`.
    second
        Best power at another delay over that at this one.
    agreeing
        Share of the segments that say the same by themselves.
    coherence
        Mean squared coherence over the band, 0 … 1.
    envelope_correlation
        −1 … 1.
    """

    delay: Figure
    drift_ppm: Figure
    score: float = 0.0
    second: float = 1.0
    agreeing: float = 0.0
    coherence: float = 0.0
    envelope_correlation: float = 0.0


def refused(why: str, reading: DelayReading | None = None) -> DelayReading:
    """Return a reading without a delay, for this reason; what else is known of it stays."""
    none = Figure.missing(f"inconclusive: {why}")
    return replace(reading or DelayReading(none, none), delay=none, drift_ppm=none)
