"""Where a reference can be heard, 50 times a second, in all of its band.

A tune's bass and held notes lie below the speech band or far under its beats: by that band a tune
is silent for most of it, and nobody would miss it. Audible is what lies within `RANGE_DB` of the
loud passages.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FRAME_HZ = 50
RANGE_DB = 30.0
_LOUD = 0.95
_LEAST_SHARE = 0.5  # of a second in which something can be missed


def audible_frames(sound: npt.NDArray[np.float32], rate_hz: int) -> npt.NDArray[np.bool_]:
    """Tell for every 20 ms of mono `sound` (n,) whether it can be heard, bool (n · 50 / rate,)."""
    size = rate_hz // FRAME_HZ
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    if not len(frames):
        return np.zeros(0, np.bool_)
    power = np.mean(np.square(frames), axis=1)
    loud = float(np.quantile(power, _LOUD))
    return np.asarray(power > loud * 10.0 ** (-RANGE_DB / 10.0), np.bool_)


def speaks_at(frames: npt.NDArray[np.bool_], place_s: float) -> bool | None:
    """Tell whether the second from `place_s` on can be missed; None outside of the reference."""
    first = round(place_s * FRAME_HZ)
    if first < 0 or first + FRAME_HZ > len(frames):
        return None
    return bool(np.mean(frames[first : first + FRAME_HZ]) >= _LEAST_SHARE)
