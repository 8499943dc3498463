"""What the end of a stretch hides of its last second.

Filters see half signal and half nothing where a capture ends, so that its last third of a
millisecond is not measured (`ingest.receiver.demodulation`). The deviation may have been anything
up to the peak in it: that is how much less the mean, the power and the loudness of that second are
known. The beginning hides as much, but nothing that lasts is told of it alone.
"""

from __future__ import annotations

import math

from dsp.master.mpx_power import mean_square_hz2
from dsp.receive.composite.grid import RATE_HZ
from dsp.receive.meters.figure import Figure

HIDDEN_S = 128 / RATE_HZ
# A programme that breaks off clicks, and the click is in the last 400 ms (scenes: 0.03, at most
# 0.09 LU).
_CLICK_LU = 0.1
_LOUDNESS = ("loudness_momentary_lufs", "loudness_short_term_lufs")


def widened_at_the_end(figures: dict[str, Figure], mpx_window_s: int) -> dict[str, Figure]:
    """Return those of `figures` that the end of the stretch makes less sure."""
    peak_hz = figures["peak_deviation_hz"].value or 0.0
    mean_hz2 = mean_square_hz2(figures["mpx_power_dbr"].value or 0.0)
    hidden_db = 10.0 / math.log(10.0) * HIDDEN_S * peak_hz**2 / mean_hz2 / max(mpx_window_s, 1)
    added = {"offset_hz": HIDDEN_S * peak_hz, "mpx_power_dbr": hidden_db}
    added |= dict.fromkeys(_LOUDNESS, _CLICK_LU)
    return {key: _widened(figures[key], more) for key, more in added.items()}


def _widened(figure: Figure, more: float) -> Figure:
    if figure.u is None:
        return figure
    return Figure(figure.value, math.hypot(figure.u, more), figure.invalid)
