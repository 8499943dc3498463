"""What a station's own carrier looks like: learned while it is certainly its own.

Means and spreads forget with a time constant of ten minutes, so that a carrier that warms up is
followed and one that jumps is not. Bounded: seven running means, whatever the time watched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEMORY_S = 600.0
LEAST_S = 4.0
# A mean is that of the second; what it varies by is at least this, however quiet the station was.
FLOORS: dict[str, float] = {
    "offset_hz": 6.0,
    "level_dbfs": 0.5,
    "peak_deviation_hz": 8_000.0,
    "loudness_momentary_lufs": 4.0,
}


@dataclass
class RunningFigure:
    """Mean and spread of a figure over what was learned."""

    count: float = 0.0
    mean: float = 0.0
    square: float = 0.0

    def learn(self, value: float) -> None:
        """Take one more second."""
        self.count = min(self.count + 1.0, MEMORY_S)
        step = (value - self.mean) / self.count
        off = value - self.mean
        self.mean += step
        self.square += (off * (value - self.mean) - self.square) / self.count

    @property
    def spread(self) -> float:
        """Return the standard deviation."""
        return math.sqrt(max(self.square, 0.0))


@dataclass
class Signature:
    """The learned carrier.

    `pilot` and `rds` are shares of the learned seconds in which they were there; `ecc` is the
    extended country code last heard with the own PI.
    """

    figures: dict[str, RunningFigure] = field(
        default_factory=lambda: {key: RunningFigure() for key in FLOORS}
    )
    pilot: RunningFigure = field(default_factory=RunningFigure)
    rds: RunningFigure = field(default_factory=RunningFigure)
    ecc: int | None = None

    @property
    def known(self) -> bool:
        """Whether enough was learned to judge by it."""
        return self.pilot.count >= LEAST_S

    def learn(self, record: Mapping[str, Any]) -> None:
        """Take a second that is certainly the station's own."""
        for key, figure in self.figures.items():
            if record.get(key) is not None:
                figure.learn(float(record[key]))
        self.pilot.learn(float(has_pilot(record)))
        self.rds.learn(float(has_rds(record)))

    def distance(self, key: str, record: Mapping[str, Any]) -> float | None:
        """Return how many standard deviations a figure is off, its own uncertainty included."""
        figure = self.figures[key]
        value = record.get(key)
        if value is None or figure.count < LEAST_S:
            return None
        u = float((record.get("u") or {}).get(key) or 0.0)
        sigma = math.sqrt(figure.spread**2 + FLOORS[key] ** 2 + (u / 2.0) ** 2)
        return (float(value) - figure.mean) / sigma


def has_pilot(record: Mapping[str, Any]) -> bool:
    """Tell whether a pilot was heard in that second."""
    return record.get("pilot_hz") is not None


def has_rds(record: Mapping[str, Any]) -> bool:
    """Tell whether anything of RDS was heard in that second."""
    return bool(record.get("groups")) or record.get("rds_hz") is not None
