"""For how long nothing has been heard, and for how much of it the reference speaks, to 10 ms.

Records count whole seconds; a silence that begins within one is seen here. Heard is what lies
within `RANGE_DB` of the reference's loud passages, `gain_db` louder as the reference is heard: the
noise of a bare carrier lies below.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.align.envelopes import FRAME_HZ, band_powers
from dsp.align.speech_band import BAND_RATE_HZ, Band
from ingest.watch.dead_air import Quiet

RANGE_DB = 22.0
_LOUD = 0.95
_SMOOTH = 5  # frames: a click is no sound


def quiet_at_end(heard: Band, reference: Band, place_s: float, gain_db: float) -> Quiet:
    """Return how long `heard` has been quiet up to its end.

    `heard` and `reference` are float32 (n,) at 8 kHz in the speech band; `heard` begins `place_s`
    into the reference.
    """
    first = round(place_s * BAND_RATE_HZ)
    beside = reference[max(first, 0) : max(first + len(heard), 0)]
    loud = _loud_power(reference)
    floor = loud * 10.0 ** (-RANGE_DB / 10.0)
    present = _levels(heard) > floor * 10.0 ** (gain_db / 10.0)
    silent = len(present) - int(np.flatnonzero(present)[-1] + 1 if present.any() else 0)
    spoken = _levels(beside) > floor
    # The reference may begin or end within what was heard.
    before = max(-first, 0) * FRAME_HZ // BAND_RATE_HZ
    aligned = np.zeros(len(present), np.bool_)
    count = min(len(spoken), len(present) - before)
    aligned[before : before + max(count, 0)] = spoken[: max(count, 0)]
    return Quiet(silent / FRAME_HZ, float(aligned[len(aligned) - silent :].sum()) / FRAME_HZ)


def _levels(band: Band) -> npt.NDArray[np.float32]:
    total = band_powers(band).sum(axis=0)
    if len(total) >= _SMOOTH:
        total = np.convolve(total, np.full(_SMOOTH, 1.0 / _SMOOTH), mode="same")
    return np.asarray(total, np.float32)


def _loud_power(reference: Band) -> float:
    total = band_powers(reference).sum(axis=0)
    return float(np.quantile(total, _LOUD)) if len(total) else 0.0
