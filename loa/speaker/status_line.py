"""What a loudspeaker says of each second: who it is, what was heard, how loud, how it came."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.contract import Samples
from loa.device.live import LiveSource


@dataclass
class Second:
    """What is summed up for one line."""

    power: float = 0.0
    blocks: int = 0
    late_s: float = 0.0

    def late(self, by_s: float) -> None:
        """Note how late a block was begun."""
        self.late_s = max(self.late_s, by_s)

    def add(self, samples: Samples) -> None:
        """Count what was played, after volume."""
        self.power += float(np.dot(samples, samples)) / len(samples)
        self.blocks += 1

    def fields(self) -> dict[str, Any]:
        """Return the level, or why there is none."""
        mean = self.power / max(1, self.blocks)
        late = {"late_ms": round(1000 * self.late_s, 1)}
        if mean <= 0:
            return {"level_dbfs": None, "invalid": {"level_dbfs": "silence"}} | late
        return {"level_dbfs": round(10 * math.log10(mean), 2)} | late


def about(source: LiveSource) -> dict[str, Any]:
    """Return how a live source is received and played."""
    player, receiver = source.player, source.receiver
    return {
        "buffered_ms": round(1000 * player.buffered_s, 1) if receiver.clock.known else 0.0,
        "in_step": receiver.clock.certain,
        "crystal_ppm": round(player.control.crystal_ppm, 2),
        "concealed_ms": round(1000 * player.counts.concealed / receiver.rate_hz, 1),
        "jumps": player.counts.jumps,
        "lost": receiver.source.lost,
        "counts": dict(sorted(receiver.counts.items())),
    }
