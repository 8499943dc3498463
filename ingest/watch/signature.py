"""What a station's own carrier looks like: learned while it is certainly its own.

Means and spreads forget with a time constant of ten minutes; the carrier's frequency and its drift
have a filter of their own. A distance counts what is not known yet: with n seconds learned, a
figure is predicted to σ √(1 + 1 / n), and σ is an estimate (Student). Bounded, whatever the time
watched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.watch.carrier_frequency import CarrierFrequency
from ingest.watch.student import as_normal

MEMORY_S = 600.0
LEAST_S = 4.0
# A mean is that of the second; what it varies by is at least this, however quiet the station was.
FLOORS: dict[str, float] = {
    "level_dbfs": 0.5,
    "peak_deviation_hz": 8_000.0,
    "loudness_momentary_lufs": 4.0,
}
_PRIOR = 6.0  # seconds' worth of a spread as large as the floor, before any was seen
SAME_HZ = 60.0  # a frequency known no better than that says nothing for the station


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

    def distance(self, value: float, floor: float) -> float:
        """Return how far off `value` is in standard deviations of a normal law.

        It varies by `floor` at least, and by that before it was seen.
        """
        square = (self.count * self.square + _PRIOR * floor**2) / (self.count + _PRIOR)
        sigma = math.sqrt(max(square, floor**2) * (1.0 + 1.0 / self.count))
        return as_normal((value - self.mean) / sigma, self.count + _PRIOR)


@dataclass
class Signature:
    """The learned carrier.

    `pilot` and `rds` are shares of the learned seconds in which they were there; `ecc` is the
    extended country code last heard with the own PI.
    """

    figures: dict[str, RunningFigure] = field(
        default_factory=lambda: {key: RunningFigure() for key in FLOORS}
    )
    frequency: CarrierFrequency = field(default_factory=CarrierFrequency)
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
        if record.get("offset_hz") is not None:
            self.frequency.learn(int(record["second"]), float(record["offset_hz"]), _u_hz(record))
        self.pilot.learn(float(has_pilot(record)))
        self.rds.learn(float(has_rds(record)))

    def distance(self, key: str, record: Mapping[str, Any]) -> float | None:
        """Return how many standard deviations a figure is off, what is not known included."""
        value = record.get(key)
        if key == "offset_hz":
            if value is None or self.frequency.count < LEAST_S:
                return None
            return self.frequency.distance(int(record["second"]), float(value), _u_hz(record))
        figure = self.figures[key]
        if value is None or figure.count < LEAST_S:
            return None
        return figure.distance(float(value), FLOORS[key])

    def knows_frequency(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the frequency of a second is known well enough to tell carriers apart."""
        if self.frequency.count < LEAST_S:
            return False
        return self.frequency.expected(int(record["second"]), _u_hz(record))[1] < SAME_HZ


def _u_hz(record: Mapping[str, Any]) -> float:
    return float((record.get("u") or {}).get("offset_hz") or 0.0)


def has_pilot(record: Mapping[str, Any]) -> bool:
    """Tell whether a pilot was heard in that second."""
    return record.get("pilot_hz") is not None


def has_rds(record: Mapping[str, Any]) -> bool:
    """Tell whether anything of RDS was heard in that second."""
    return bool(record.get("groups")) or record.get("rds_hz") is not None
