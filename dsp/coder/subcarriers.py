"""Pilot, stereo subcarrier and the sum of the multiplex (Rec. ITU-R BS.450-4, pilot-tone system).

    composite = M + S · sin(2 ωt) + pilot · sin(ωt) + RDS,   ω = 2π · 19 kHz

19 kHz at 192 kHz repeats every 192 samples: both carriers are read from one table at one integer
sample counter, and stay in phase and in frequency for ever.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.fm.constants import COMPOSITE_RATE_HZ, PILOT_HZ
from dsp.kernel import kernel

PERIOD = 192  # samples in which 19 kHz makes 19 turns

F32 = types.float32
PLANES_IN = types.Array(F32, 2, "C", readonly=True)
TABLE = types.Array(F32, 1, "C", readonly=True)
ROW = types.Array(F32, 1, "C")
_CONTRACT = frozenset({"contract"})


def carrier_table(harmonic: int, amplitude: float = 1.0) -> npt.NDArray[np.float32]:
    """Return amplitude · sin(harmonic · 2π · 19 kHz · n / 192 kHz) for n = 0 … 191, float32."""
    # Whole turns are taken out in integers: the table is exact to the last bit.
    turns = (harmonic * int(PILOT_HZ) * np.arange(PERIOD)) % COMPOSITE_RATE_HZ
    table = amplitude * np.sin(2.0 * np.pi * turns / COMPOSITE_RATE_HZ)
    return np.ascontiguousarray(table, np.float32)


@kernel(types.void(PLANES_IN, F32, types.int64, TABLE, TABLE, ROW), fastmath=_CONTRACT)
def add_stereo(planes, half_share, index, subcarrier, pilot, out):
    """Add the multiplex of `planes` (2, n) to `out` (n,), which holds the RDS.

    `half_share` is half of the audio's share; `index` (0 … 191) is the place of the first sample in
    the tables.
    """
    n = out.shape[0]
    start = 0
    while start < n:
        count = min(PERIOD - index, n - start)
        left, right = planes[0, start : start + count], planes[1, start : start + count]
        carrier, tone = subcarrier[index : index + count], pilot[index : index + count]
        target = out[start : start + count]
        for i in range(count):
            middle, side = left[i] + right[i], left[i] - right[i]
            target[i] += tone[i] + half_share * (middle + side * carrier[i])
        start += count
        index = 0


@kernel(types.void(PLANES_IN, F32, types.int64, TABLE, ROW), fastmath=_CONTRACT)
def add_mono(planes, share, index, pilot, out):
    """Add the multiplex of one line, `planes` (1, n), to `out` (n,), which holds the RDS."""
    n = out.shape[0]
    start = 0
    while start < n:
        count = min(PERIOD - index, n - start)
        line, tone = planes[0, start : start + count], pilot[index : index + count]
        target = out[start : start + count]
        for i in range(count):
            target[i] += tone[i] + share * line[i]
        start += count
        index = 0
