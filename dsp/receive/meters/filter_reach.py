"""What the channel filter may cut off a deviation, and how much too low a peak then reads.

A carrier that swings by D at the modulating frequency f fills about D + f to either side. What of
it lies beyond the flat part of the filter is lost, and the peak reads low: 110 kHz at 10 kHz by
0.7 kHz in the full channel of ±130 kHz, 90 kHz by 2 kHz in one of ±100 kHz; at 1 kHz of modulation
hardly at all. The bound here lies above every error of a campaign of tones and stereo tones, 60 to
130 kHz, in channels of ±130 and ±100 kHz; a reading is not corrected by it, but its uncertainty
widens.
"""

from __future__ import annotations

import math

from dsp.receive.meters.figure import Figure

CUT = "deviation near the edge of the channel filter: side bands are cut off"
# The outermost side bands that still matter lie so far beyond the deviation.
_FREQUENCIES = 1.5
_FURTHEST_HZ = 17_000.0
# Slower than this the side bands end with the deviation itself.
_FAST_HZ = 5_000.0
_BEGINS = 0.85


def cut_hz(peak_hz: float, frequency_hz: float, half_width_hz: float) -> float:
    """Bound of what is lost of a peak of `peak_hz`.

    `frequency_hz` is the rms frequency of what modulates.
    """
    reach_hz = peak_hz + min(_FREQUENCIES * frequency_hz, _FURTHEST_HZ)
    over = max(reach_hz / half_width_hz - _BEGINS, 0.0)
    slow = min(frequency_hz / _FAST_HZ, 1.0)
    return half_width_hz * slow * over * (0.08 + 0.6 * over)


def widened(peak: Figure, frequency_hz: float, half_width_hz: float) -> Figure:
    """Return `peak` with an uncertainty that covers what may be cut off."""
    if peak.value is None or peak.u is None:
        return peak
    lost_hz = cut_hz(peak.value, frequency_hz, half_width_hz)
    return Figure(peak.value, math.hypot(peak.u, lost_hz), peak.invalid)


def is_cut(peak: Figure, frequency_hz: float, half_width_hz: float) -> bool:
    """Whether what may be cut off is half of the stated uncertainty or more."""
    if peak.value is None or peak.u is None:
        return False
    return cut_hz(peak.value, frequency_hz, half_width_hz) > 0.5 * peak.u
