"""Which loudspeaker a channel feeds, and its weight in the loudness sum.

Layouts are FFmpeg's defaults for 1 to 6 channels: mono, stereo, 2.1 (L R LFE), 4.0 (L R C back),
5.0 (L R C Ls Rs), 5.1 (L R C LFE Ls Rs). Weights are those of Rec. ITU-R BS.1770-5, table 3:
1 for L, R, C; 1.41 for the surrounds; the low-frequency channel does not count. The single back
channel of 4.0 stands at 180°, outside the 60°–120° that earn 1.41, and counts 1 (table 4).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

MonoAs = Literal["mono", "dual-mono"]
MAX_CHANNELS = 6
SURROUND_WEIGHT = 1.41

LAYOUTS: dict[int, tuple[str, ...]] = {
    1: ("mono",),
    2: ("left", "right"),
    3: ("left", "right", "lfe"),
    4: ("left", "right", "centre", "back"),
    5: ("left", "right", "centre", "left surround", "right surround"),
    6: ("left", "right", "centre", "lfe", "left surround", "right surround"),
}


def channel_weights(channels: int, mono_as: MonoAs = "dual-mono") -> npt.NDArray[np.float64]:
    """Return the BS.1770 power weight of each channel, shape (channels,).

    A single channel counts once as ``"mono"`` and twice as ``"dual-mono"`` (heard from two
    loudspeakers, 3.01 LU more).

    Raises
    ------
    ValueError
        If there are not 1 to 6 channels, or `mono_as` is neither of the two words.
    """
    if channels not in LAYOUTS:
        raise ValueError(f"channels: expected 1 to {MAX_CHANNELS}, got {channels}")
    if mono_as not in {"mono", "dual-mono"}:
        raise ValueError(f"mono_as: expected 'mono' or 'dual-mono', got {mono_as!r}")
    if channels == 1:
        return np.array([2.0 if mono_as == "dual-mono" else 1.0])
    by_name = {"lfe": 0.0, "left surround": SURROUND_WEIGHT, "right surround": SURROUND_WEIGHT}
    return np.array([by_name.get(name, 1.0) for name in LAYOUTS[channels]])
