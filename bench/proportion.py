"""A share found by trials, and how far off it may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959963984540054  # 95 %


@dataclass(frozen=True)
class Proportion:
    """`hits` of `trials`."""

    hits: int
    trials: int

    @property
    def share(self) -> float:
        """The share found; not a number without trials."""
        return self.hits / self.trials if self.trials else math.nan

    def interval(self) -> tuple[float, float]:
        """Wilson's interval of 95 % (E. B. Wilson 1927): honest near 0 and 1, unlike ± sigma."""
        n = self.trials
        if n == 0:
            return 0.0, 1.0
        middle = self.share + _Z**2 / (2 * n)
        half = _Z * math.sqrt(self.share * (1 - self.share) / n + _Z**2 / (4 * n**2))
        scale = 1 + _Z**2 / n
        return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)

    def __str__(self) -> str:
        """As a table has it: 99.2 % (98.6-99.6) of 1 000."""
        low, high = self.interval()
        return f"{100 * self.share:.2f} % ({100 * low:.2f}-{100 * high:.2f}) of {self.trials}"
