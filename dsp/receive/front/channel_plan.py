"""Sizes of the FFT filter bank for any capture rate, and the filter of a channel.

A capture of `rate_hz` and the 288 kS/s of a station have the ratio p : q in lowest terms. The bank
works on blocks of N capture samples of which M = N q / p come out, so N is a multiple of p; blocks
overlap by V = N - S samples, at least the length of the filter less one (overlap-save), half of it
on either side of what is kept, so that the filter has no delay at all: station sample k belongs to
the moment k / 288 000 s of the capture.

Rates that share no large factor with 288 000 would want enormous blocks; they get an intermediate
rate near 310 kS/s by a small ratio, and `RateBridge` does the rest.

The filter: flat up to `half_width_hz`, `STOP_DB` down from 28 kHz further on. At 130 kHz that is
158 kHz: what lies between 144 and 158 folds back onto 130 … 144, never onto the flat part. Stopping
at 144 would read 110 kHz of deviation low by 1.7 kHz where 10 kHz tones make it (now 1.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.lanes import LANES

MIN_RATE_HZ = 192_000
MAX_RATE_HZ = 3_200_000
HALF_WIDTH_HZ = 130_000.0
TRANSITION_HZ = RECEIVE_RATE_HZ - 2 * HALF_WIDTH_HZ
MIN_HALF_WIDTH_HZ = 20_000.0
STOP_DB = 86.0

ROWS = LANES  # blocks of one step, side by side in the lanes of `lane_transform`

_LARGEST_P = 256
_SMALLEST_BLOCK = 1_000
# Sixteen blocks of 5000 are 640 kB: half of them would still fit the second-level cache.
_LARGEST_BLOCK = 5_000
_BRIDGE_RATE_HZ = 304_000


@dataclass(frozen=True)
class BankPlan:
    """Sizes of a filter bank.

    A step takes ROWS blocks of `block` samples, each `hop` further on, `guard` of them on either
    side for the filter; `kept` of the `short_block` output samples of each block are good.
    `channel_rate_hz` is 288 000 unless a bridge has to follow.
    """

    rate_hz: int
    block: int
    hop: int
    guard: int
    short_block: int
    kept: int
    channel_rate_hz: Fraction

    @property
    def reach_bins(self) -> int:
        """How many bins on either side of a carrier make its channel, the folding ones too."""
        reach = math.ceil((HALF_WIDTH_HZ + TRANSITION_HZ) / self.bin_hz) + 1
        return max(reach, self.short_block // 2)

    @property
    def bin_hz(self) -> float:
        """Distance of two bins of the forward transform."""
        return self.rate_hz / self.block


def plan_bank(rate_hz: int) -> BankPlan:
    """Return the sizes for a capture of `rate_hz`.

    Raises
    ------
    ValueError
        If the rate is not an integer within 192 000 … 3 200 000.
    """
    if not isinstance(rate_hz, int) or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise ValueError(
            f"rate_hz: expected an integer within {MIN_RATE_HZ} … {MAX_RATE_HZ}, got {rate_hz}"
        )
    ratio = Fraction(RECEIVE_RATE_HZ, rate_hz)
    if ratio.denominator > _LARGEST_P or not _is_smooth(ratio.denominator):
        ratio = _bridged_ratio(rate_hz)
    p, q = ratio.denominator, ratio.numerator
    guard = math.ceil(_half_taps(rate_hz) / p) * p
    block = _block_size(p, q, 2 * guard)
    hop = block - 2 * guard
    return BankPlan(
        rate_hz=rate_hz,
        block=block,
        hop=hop,
        guard=guard,
        short_block=block // p * q,
        kept=hop // p * q,
        channel_rate_hz=rate_hz * ratio,
    )


def channel_response(plan: BankPlan, offset_hz: float, half_width_hz: float) -> tuple[int, Taps]:
    """Return the centre bin and the real response at bins -W … W - 1 around it, W = `reach_bins`.

    The response is centred on `offset_hz` exactly, between bins too, and has no delay.
    """
    centre = round(offset_hz / plan.bin_hz)
    residual_hz = offset_hz - centre * plan.bin_hz
    taps = design_channel(plan.rate_hz, half_width_hz, plan.guard)
    # A shift by less than a bin in frequency is a slow turn of the taps in time.
    k = np.arange(-plan.guard, plan.guard + 1)
    turned = taps * np.exp(2j * np.pi * residual_hz / plan.rate_hz * k)
    ring = np.zeros(plan.block, np.complex128)
    ring[k] = turned
    response = np.fft.fft(ring).real
    bins = np.arange(-plan.reach_bins, plan.reach_bins)
    # Bins beyond the edge of a capture hardly faster than a channel do not exist.
    there = np.abs(bins + centre) * 2 <= plan.block
    if 2 * plan.reach_bins <= plan.block:
        there[:] = True
    return centre, np.where(there, response[bins % plan.block], 0.0)


Taps = npt.NDArray[np.float64]


def design_channel(rate_hz: int, half_width_hz: float, half_taps: int) -> Taps:
    """Return 2 half_taps + 1 taps at `rate_hz`, unity at DC: a Kaiser-windowed sinc."""
    edge = (half_width_hz + TRANSITION_HZ / 2) / rate_hz
    k = np.arange(-half_taps, half_taps + 1)
    beta = 0.1102 * (STOP_DB - 8.7)
    taps = np.sinc(2 * edge * k) * np.kaiser(2 * half_taps + 1, beta)
    return np.asarray(taps / taps.sum())


def fitting_half_width_hz(rate_hz: int, offset_hz: float, half_width_hz: float) -> float:
    """Return the half width that stays inside the capture, at most what was asked for.

    Raises
    ------
    ValueError
        If less than 20 kHz on either side of the carrier would be left.
    """
    room_hz = rate_hz / 2 - abs(offset_hz) - TRANSITION_HZ
    if not MIN_HALF_WIDTH_HZ <= half_width_hz <= HALF_WIDTH_HZ:
        raise ValueError(
            f"half_width_hz: expected within {MIN_HALF_WIDTH_HZ:g} … {HALF_WIDTH_HZ:g}, "
            f"got {half_width_hz:g}"
        )
    if room_hz < MIN_HALF_WIDTH_HZ:
        raise ValueError(
            f"offsets_hz: expected within ±{rate_hz / 2 - TRANSITION_HZ - MIN_HALF_WIDTH_HZ:g} "
            f"at {rate_hz} S/s, got {offset_hz:g}"
        )
    return min(half_width_hz, room_hz)


def _half_taps(rate_hz: int) -> int:
    # Kaiser's length formula; 14.36 = 2.285 * 2 pi.
    return math.ceil((STOP_DB - 7.95) / (14.36 * TRANSITION_HZ / rate_hz) / 2)


def _bridged_ratio(rate_hz: int) -> Fraction:
    """Return a small ratio that takes `rate_hz` to 304 … 320 kS/s."""
    for denominator in range(1, _LARGEST_P):
        ratio = Fraction(-(-_BRIDGE_RATE_HZ * denominator // rate_hz), denominator)
        if not _is_smooth(ratio.numerator):
            continue
        if _is_smooth(ratio.denominator) and rate_hz * ratio <= _BRIDGE_RATE_HZ * 1.06:
            return ratio
    raise AssertionError(f"no ratio for {rate_hz}")


def _block_size(p: int, q: int, overlap: int) -> int:
    """Return the multiple of p that costs least per sample, its short block being smooth too."""

    def cost(block: int) -> float:
        # Strides that are multiples of large powers of two fall onto few lines of the cache.
        twos = (block & -block).bit_length() - 1
        return block / (block - overlap) * math.log2(block) * (1 + 0.3 * max(0, twos - 6))

    smallest = max(_SMALLEST_BLOCK, 4 * overlap)
    sizes = [
        p * k
        for k in range(-(-smallest // p), max(_LARGEST_BLOCK, 2 * smallest) // p + 1)
        if _is_smooth(k) and (p * k) % 2 == 0 and (k * q) % 2 == 0
    ]
    return min(sizes, key=cost)


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1
