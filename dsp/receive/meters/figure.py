"""A figure as every meter gives it: value, uncertainty (k = 2), or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its uncertainty, or the words that say why it is not valid.

    Parameters
    ----------
    value
        In the unit of the figure's key; None where there is nothing to tell.
    u
        Expanded uncertainty, coverage factor 2, same unit; None without a value.
    invalid
        None for a valid figure. An invalid figure may still carry the value that was read, so that
        a person can judge; programs must not use it.
    """

    value: float | None
    u: float | None
    invalid: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would travel as a bare or impossible number: our own bugs."""
        assert self.invalid is not None or (self.value is not None and self.u is not None)
        assert self.value is None or math.isfinite(self.value)
        assert self.u is None or (math.isfinite(self.u) and self.u >= 0.0)

    @classmethod
    def missing(cls, reason: str) -> Figure:
        """No value, for this reason."""
        return cls(None, None, reason)

    def because(self, reason: str | None) -> Figure:
        """Return the same reading, marked invalid for `reason` (unless it is None)."""
        return self if reason is None or self.invalid else Figure(self.value, self.u, reason)
