"""Occupied bandwidth of a station (Rec. ITU-R SM.328, SM.443): beta/2 and x dB methods.

beta/2: half a percent of the power lies beyond either edge, 99 % between. The noise of the
receiver counts for as much as its bandwidth is wide, so it is taken off first: at C/N 20 dB it
would already move the edges by kilohertz. Its density is C · N0 / C as the composite tells it.

x dB: the outermost points where the spectrum (here 64 Hz a bin, smoothed to 2 kHz) is 26 dB below
its maximum.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsp.receive.meters.channel_spectrum import BIN_HZ, POINTS
from dsp.receive.meters.figure import Figure

BETA_HALF = 0.005
DOWN_DB = 26.0
_SMOOTHED_BINS = 31
# Bins are 64 Hz wide. What frames without a window leak is taken off on average only: the share of
# the power beyond an edge is known to this, and moves the edge the more the flatter the spectrum.
_READING_HZ = 24.0
_LEAKED_SHARE = 2e-5
_BESIDE = 1e-4  # of the power, to either side of an edge: how flat the spectrum is there
# What the noise's own uncertainty would move it by is more than it does: what is taken off is held
# against what there is at the edges of the channel.
_MOVED_SHARE = 0.6
_SMOOTHER = np.hanning(_SMOOTHED_BINS + 2)[1:-1]
_SMOOTHER /= _SMOOTHER.sum()

Spectrum = npt.NDArray[np.float64]


def _crossing(cumulative: Spectrum, share: float) -> float:
    """Place, in bins from the lower edge of bin 0, where `cumulative` reaches `share` of all."""
    wanted = share * cumulative[-1]
    k = int(np.searchsorted(cumulative, wanted))
    before = cumulative[k - 1] if k else 0.0
    step = cumulative[k] - before
    return k + (float((wanted - before) / step) if step > 0.0 else 0.5)


def beta_half_hz(clean: Spectrum) -> float:
    """Return the 99 % bandwidth of powers per bin in rising frequency."""
    # Powers may be slightly negative where noise was taken off: the running sum is made to rise.
    cumulative = np.maximum.accumulate(np.cumsum(clean))
    if cumulative[-1] <= 0.0:
        return 0.0
    high = _crossing(cumulative, 1.0 - BETA_HALF)
    return (high - _crossing(cumulative, BETA_HALF)) * BIN_HZ


def edges_hz_per_share(clean: Spectrum) -> float:
    """Return by how many Hz a share of the power, wrongly placed, moves both edges (squares added).

    `clean` (POINTS,) are powers per bin in rising frequency.
    """
    cumulative = np.maximum.accumulate(np.cumsum(clean))
    if cumulative[-1] <= 0.0:
        return 0.0
    widths = [
        _crossing(cumulative, edge + _BESIDE) - _crossing(cumulative, edge - _BESIDE)
        for edge in (BETA_HALF, 1.0 - BETA_HALF)
    ]
    return math.hypot(*widths) * BIN_HZ / (2.0 * _BESIDE)


def occupied_bandwidth(
    powers: Spectrum, n0_over_c: float, relative: float, half_width_hz: float
) -> tuple[Figure, Figure]:
    """Return beta/2 and 26 dB bandwidths from mean `powers` (POINTS,) in rising frequency.

    `n0_over_c` with its `relative` uncertainty is the noise; the channel is flat to
    `half_width_hz`, beyond which nothing is counted.
    """
    inside, edges = _places(half_width_hz)
    counted = np.where(inside, powers, 0.0)
    total = float(counted.sum())
    if total <= 0.0:
        reason = "no signal"
        return Figure.missing(reason), Figure.missing(reason)
    bins = int(np.count_nonzero(inside))
    carrier = total / (1.0 + n0_over_c * bins * BIN_HZ)
    noise = carrier * n0_over_c * BIN_HZ
    # No more than what is there at the edges of the channel, where hardly any signal is.
    noise = min(noise, max(float(powers[edges].mean()), 0.0))
    values = [
        beta_half_hz(np.where(inside, powers - noise * factor, 0.0))
        for factor in (1.0, 1.0 - relative, 1.0 + relative)
    ]
    value_hz = values[0]
    moved_hz = max(abs(values[1] - value_hz), abs(values[2] - value_hz))
    leaked_hz = _LEAKED_SHARE * edges_hz_per_share(np.where(inside, powers - noise, 0.0))
    u_hz = 2.0 * math.hypot(_MOVED_SHARE * moved_hz, leaked_hz, _READING_HZ)
    # A steep spectrum ends inside the channel; what reaches its edge is cut.
    cut = value_hz > 1.9 * half_width_hz
    beta = Figure(value_hz, u_hz, "wider than the channel filter" if cut else None)
    return beta, _x_db(np.where(inside, powers, 0.0), noise)


@lru_cache(maxsize=64)
def _places(half_width_hz: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which bins are inside the flat channel, and which of them near its edges."""
    away = np.abs((np.arange(POINTS) - POINTS // 2) * BIN_HZ)
    inside = away <= half_width_hz
    return inside, inside & (away > 0.92 * half_width_hz)


def _x_db(powers: Spectrum, noise: float) -> Figure:
    smooth = np.convolve(powers, _SMOOTHER, mode="same")
    limit = float(smooth.max()) * 10.0 ** (-DOWN_DB / 10.0)
    above = np.flatnonzero(smooth >= limit)
    width_hz = float(above[-1] - above[0] + 1) * BIN_HZ
    weak = "weak signal (the noise is within 26 dB)" if noise > 0.5 * limit else None
    return Figure(width_hz, 800.0, weak)
