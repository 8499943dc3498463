"""Many channels from one forward transform: an overlap-save filter bank.

Every block of the capture is transformed once. A channel is then a handful of bins around its
carrier, weighted by the channel's response, and transformed back at the length that gives 288 kS/s:
mixing, filtering and decimation in one, at a cost per channel that hardly depends on the rate of
the capture. Sizes and the filter are in `channel_plan`.

Phases are counted in integers (`channel_phase`), so a channel is exact for ever.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from scipy import fft

from dsp.kernel import inlined, kernel, ready
from dsp.receive.channel_phase import ChannelPhase
from dsp.receive.channel_plan import BankPlan, channel_response
from dsp.receive.image import ImageEstimate
from dsp.receive.spectrum import SpectrumTally

F32 = types.float32
C64 = types.complex64
I64 = types.int64
BYTES_IN = types.Array(types.uint8, 1, "C", readonly=True)
ROWS = types.Array(F32, 2, "C")
BINS_IN = types.Array(C64, 2, "C", readonly=True)
CUBE = types.Array(C64, 3, "C")
CUBE_IN = types.Array(F32, 3, "C", readonly=True)
WEIGHTS_IN = types.Array(F32, 2, "C", readonly=True)
PLACES_IN = types.Array(I64, 1, "C", readonly=True)
TURNS_IN = types.Array(C64, 2, "C", readonly=True)
OUT_ROWS = types.Array(F32, 2, "A")

_MIDDLE = np.float32(127.5)
# Fused multiply-adds only; tests/dsp/receive/test_filter_bank.py holds the bank to a float64 twin.
_FUSED = frozenset({"contract"})


@kernel(types.void(BYTES_IN, I64, ROWS))
def load_rows(bytes_in, hop, rows):
    """Write overlapping blocks of interleaved uint8 as floats about zero, full scale 127.5.

    `rows` is (rows, 2 block) float32; row b begins `hop` samples after row b - 1.
    """
    width = rows.shape[1]
    for b in range(rows.shape[0]):
        part = bytes_in[2 * b * hop : 2 * b * hop + width]
        row = rows[b]
        for i in range(width):
            row[i] = np.float32(part[i]) - _MIDDLE


@inlined
def _add_stretch(source, place, weight, target):
    """Add the weighted bins from `place` on, around the end of the block, to `target`."""
    done, count, block = 0, target.shape[0], source.shape[0]
    place %= block
    while done < count:
        run = min(count - done, block - place)
        s, w, t = source[place : place + run], weight[done:], target[done : done + run]
        for i in range(run):
            t[i] += s[i] * w[i]
        done += run
        place = 0


@kernel(types.void(BINS_IN, PLACES_IN, WEIGHTS_IN, CUBE), fastmath=_FUSED)
def pick_channels(bins, centres, weights, picked):
    """Write the weighted bins of every channel, ready for the transform back.

    `bins` (rows, block) is in FFT order, `centres` (channels,) the carriers' bins, `weights`
    (channels, 2 reach) the responses from reach bins below the carrier upwards. `picked`
    (channels, rows, short) is in FFT order; bins beyond its half fold onto its other end.
    """
    channels, rows, short = picked.shape
    half, reach = short // 2, weights.shape[1] // 2
    over = reach - half
    for c in range(channels):
        w, low = weights[c], centres[c] - reach
        for b in range(rows):
            source, target = bins[b], picked[c, b]
            target[:] = 0
            _add_stretch(source, low + reach, w[reach:], target[:half])
            _add_stretch(source, low + over, w[over:], target[half:])
            _add_stretch(source, low + reach + half, w[reach + half :], target[half : half + over])
            _add_stretch(source, low, w, target[half - over : half])


@kernel(types.void(BINS_IN, PLACES_IN, WEIGHTS_IN, C64, CUBE), fastmath=_FUSED)
def subtract_images(bins, centres, weights, image, picked):
    """Take `image` times the conjugate mirror of the capture off `picked` (see `image.py`)."""
    block = bins.shape[1]
    channels, rows, short = picked.shape
    reach = weights.shape[1] // 2
    for c in range(channels):
        weight = weights[c]
        for b in range(rows):
            source, target = bins[b], picked[c, b]
            for i in range(2 * reach):
                mirror = source[(reach - i - centres[c]) % block]
                target[(i - reach) % short] -= image * np.conj(mirror) * weight[i]


@kernel(types.void(CUBE_IN, TURNS_IN, I64, TURNS_IN, I64, OUT_ROWS), fastmath=_FUSED)
def join_rows(short_blocks, turns, skip, slow_turns, kept, out):
    """Write the good samples of every row behind each other, turned to the channel's phase.

    `short_blocks` (channels, rows, 2 short) and `out` (channels, 2 rows kept) are complex as pairs
    of floats; `turns` (channels, rows) is the phase at the start of a row, `slow_turns`
    (channels, kept or 0) the turn within it where the carrier lies between two bins.
    """
    channels, rows, _ = short_blocks.shape
    for c in range(channels):
        for b in range(rows):
            p, q = turns[c, b].real, turns[c, b].imag
            source = short_blocks[c, b, 2 * skip : 2 * (skip + kept)]
            target = out[c, 2 * b * kept : 2 * (b + 1) * kept]
            if slow_turns.shape[1] == 0:
                for i in range(kept):
                    x, y = source[2 * i], source[2 * i + 1]
                    target[2 * i] = x * p - y * q
                    target[2 * i + 1] = x * q + y * p
            else:
                slow = slow_turns[c]
                for i in range(kept):
                    x, y = source[2 * i], source[2 * i + 1]
                    u = slow[i].real * p - slow[i].imag * q
                    v = slow[i].real * q + slow[i].imag * p
                    target[2 * i] = x * u - y * v
                    target[2 * i + 1] = x * v + y * u


class FilterBank:
    """The channels of one capture; the arithmetic of one step, without its buffering.

    A step takes `lead + hop + tail` capture samples, of which `hop` are new ground, and gives
    `kept` samples of every channel at `plan.channel_rate_hz`.
    """

    def __init__(
        self, plan: BankPlan, offsets_hz: tuple[float, ...], half_widths_hz: tuple[float, ...]
    ) -> None:
        """Make the responses and all buffers; a step allocates nothing of its own."""
        ready(load_rows, pick_channels, subtract_images, join_rows)
        self.plan = plan
        self.lead = self.tail = plan.guard
        self.hop = plan.rows * plan.hop
        self.kept = plan.rows * plan.kept
        designs = [
            channel_response(plan, offset, width)
            for offset, width in zip(offsets_hz, half_widths_hz, strict=True)
        ]
        self._centres = np.array([centre for centre, _ in designs], np.int64)
        # scipy divides by the short length, the forward transform was of the long one.
        gain = plan.short_block / plan.block
        self._weights = np.array([response for _, response in designs], np.float32) * gain
        self._weights_u8 = self._weights / np.float32(127.5)
        self._phase = ChannelPhase(plan, offsets_hz, self._centres)
        self._bins = np.empty((plan.rows, plan.block), np.complex64)
        self._picked = np.empty((len(designs), plan.rows, plan.short_block), np.complex64)
        self.image = ImageEstimate(plan)
        self.spectrum = SpectrumTally(plan.rate_hz, plan.block)

    def run(self, step: int, samples: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Do step number `step` on `samples`; write `out` (channels, 2 kept), pairs of floats.

        `samples` is uint8 (2 (lead + hop + tail),) or complex64 of half that length; it begins
        `lead` before capture sample `step * hop`.
        """
        plan, bins = self.plan, self._bins
        if samples.dtype == np.uint8:
            load_rows(samples, plan.hop, bins.view(np.float32))
            weights, full_scale = self._weights_u8, 127.5
        else:
            windows = np.lib.stride_tricks.sliding_window_view(samples, plan.block)[:: plan.hop]
            np.copyto(bins, windows)
            weights, full_scale = self._weights, 1.0
        fft.fft(bins, axis=1, overwrite_x=True)
        self.image.add(bins)
        self.spectrum.add(step * self.hop, self.hop, bins, full_scale)
        pick_channels(bins, self._centres, weights, self._picked)
        if self.image.value:
            image = np.complex64(self.image.value)
            subtract_images(bins, self._centres, weights, image, self._picked)
        channels, rows, short = self._picked.shape
        flat = self._picked.reshape(channels * rows, short)
        fft.ifft(flat, axis=1, overwrite_x=True)
        turns, slow_turns = self._phase.turns(step)
        skip = plan.guard * short // plan.block
        join_rows(self._picked.view(np.float32), turns, skip, slow_turns, plan.kept, out)

    def reset(self) -> None:
        """Forget what was learnt of the capture."""
        self.image.reset()
        self.spectrum.reset()
