"""When a fault acts, as a weight for every sample: 0 outside, 1 inside, raised cosines between.

A transmitter's switch is no ideal one, and an ideal one would spread over the whole band: sound
fades over 5 ms within the fault, a carrier over 1 ms within the time it is on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SOUND_RAMP_S = 0.005
CARRIER_RAMP_S = 0.001


def weight(
    seconds: npt.NDArray[np.float64], start_s: float, end_s: float, ramp_s: float
) -> npt.NDArray[np.float64]:
    """Return the weight at each of `seconds`, shape (n,)."""
    ramp_s = min(ramp_s, (end_s - start_s) / 2.0)
    into = np.minimum(seconds - start_s, end_s - seconds) / ramp_s
    return np.asarray(0.5 - 0.5 * np.cos(math.pi * np.clip(into, 0.0, 1.0)))


def stretch_weight(
    first: int, count: int, rate_hz: int, span: tuple[float, float], ramp_s: float = SOUND_RAMP_S
) -> npt.NDArray[np.float32] | float:
    """Return the weight of samples first … first + count: 0.0 or 1.0 where it is that throughout.

    `span` is the start and the end in seconds.
    """
    start_s, end_s = span
    begin_s, stop_s = first / rate_hz, (first + count) / rate_hz
    if stop_s <= start_s or begin_s >= end_s:
        return 0.0
    if start_s + ramp_s <= begin_s and stop_s <= end_s - ramp_s:
        return 1.0
    seconds = (first + np.arange(count)) / rate_hz
    return weight(seconds, start_s, end_s, ramp_s).astype(np.float32)
