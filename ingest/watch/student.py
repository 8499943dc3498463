"""Distances judged by a spread that is itself an estimate (Student's law)."""

from __future__ import annotations

import math


def as_normal(t: float, freedom: float) -> float:
    """Return the normal deviate that is as rare as `t` at `freedom` degrees (Wallace 1959)."""
    shrink = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return math.copysign(shrink * math.sqrt(freedom * math.log1p(t * t / freedom)), t)
