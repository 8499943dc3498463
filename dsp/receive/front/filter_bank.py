"""Many channels from one forward transform: an overlap-save filter bank, sixteen blocks at a time.

Every block of the capture is transformed once. A channel is then a handful of bins around its
carrier, weighted by the channel's response, and transformed back at the length that gives 288 kS/s:
mixing, filtering and decimation in one, at a cost per channel that hardly depends on the rate of
the capture. Sizes and the filter are in `channel_plan`, the transforms in `lane_transform`.

Phases are counted in integers (`channel_phase`), so a channel is exact for ever.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready
from dsp.lanes import LANES, PIECE, load, load_lanes, splat, store, store_lanes
from dsp.receive.front.channel_phase import ChannelPhase
from dsp.receive.front.channel_plan import ROWS, BankPlan, channel_response
from dsp.receive.front.image import ImageEstimate
from dsp.receive.front.lane_plan import places, plan_passes
from dsp.receive.front.lane_transform import PASSES_IN, PLANE, TURNS_IN, transform, transform_back
from dsp.receive.front.spectrum import SpectrumTally

F32 = types.float32
I64 = types.int64
BYTES_IN = types.Array(types.uint8, 1, "C", readonly=True)
FLOATS_IN = types.Array(F32, 1, "C", readonly=True)
INDEX_IN = types.Array(I64, 1, "C", readonly=True)
INDICES_IN = types.Array(I64, 2, "C", readonly=True)
WEIGHTS_IN = types.Array(F32, 2, "C", readonly=True)
TURN_IN = types.Array(types.float64, 1, "C", readonly=True)
OUT_ROWS = types.Array(F32, 2, "A")

# Fused multiply-adds only; test_channelizer.py holds the bank to a float64 twin.
_FUSED = frozenset({"contract"})
_ALIGNMENT = 64


@kernel(
    types.void(BYTES_IN, I64, PASSES_IN, TURNS_IN, PLANE, PLANE),
    types.void(FLOATS_IN, I64, PASSES_IN, TURNS_IN, PLANE, PLANE),
    fastmath=_FUSED,
)
def transform_blocks(samples, hop, passes, turns, re, im):
    """Transform sixteen overlapping blocks of `samples`, I and Q in turn, into `re` and `im`.

    Block s begins s * hop samples on. Bytes are taken about 127.5 and keep their scale.
    """
    length = re.shape[0] // LANES
    for n in range(0, length - PIECE, PIECE):
        load_lanes(samples, 2 * n, 2 * hop, re, im, LANES * n)
    # The last piece may overlap the one before: lengths are no multiples of eight.
    n = length - PIECE
    load_lanes(samples, 2 * n, 2 * hop, re, im, LANES * n)
    transform(re, im, passes, turns)


@kernel(
    types.void(
        PLANE, PLANE, INDICES_IN, INDEX_IN, WEIGHTS_IN, F32, F32,
        PASSES_IN, TURNS_IN, PLANE, PLANE, TURN_IN, TURN_IN, WEIGHTS_IN, I64, OUT_ROWS,
    ),
    fastmath=_FUSED,
)  # fmt: skip
def extract_channels(  # noqa: PLR0913, PLR0917 - one call per step; every argument is an array of it
    re, im, sources, targets, weights, image_re, image_im,
    passes, turns, short_re, short_im, starts, per_row, slow_turns, skip, out,
):  # fmt: skip
    """Write every channel of sixteen transformed blocks to `out` (channels, 2 n floats).

    `sources` (2 channels, bins) are the rows of `re` and `im` that make each channel, and their
    mirrors; `targets` (bins,) where they go in `short_re` and `short_im`, of which the first
    `len(short)` are all different and the rest fold onto them; `weights` (channels, bins).
    Block s is turned by starts - s * per_row (channels,), sample k of it by `slow_turns`
    (2 channels, n or 0; cosines, sines).
    """
    channels, bins = weights.shape
    short = short_re.shape[0]
    kept = out.shape[1] // (2 * LANES)
    phase = np.empty(2 * LANES, np.float32)
    for c in range(channels):
        source, mirror, weight = sources[2 * c], sources[2 * c + 1], weights[c]
        for i in range(bins):
            w = splat(weight[i])
            a, b = load(re, source[i]) * w, load(im, source[i]) * w
            if image_re != 0.0 or image_im != 0.0:
                # Less the image times the conjugate of the mirrored bin.
                x, y = splat(image_re * weight[i]), splat(image_im * weight[i])
                u, v = load(re, mirror[i]), load(im, mirror[i])
                a, b = a - (x * u + y * v), b - (y * u - x * v)
            t = targets[i]
            if i * LANES >= short:
                a, b = a + load(short_re, t), b + load(short_im, t)
            store(a, short_re, t)
            store(b, short_im, t)
        # Exchanged planes: the inverse.
        transform_back(short_im, short_re, passes, turns)
        for s in range(LANES):
            angle = 2.0 * np.pi * (starts[c] - s * per_row[c])
            phase[s], phase[LANES + s] = np.cos(angle), np.sin(angle)
        p, q = load(phase, 0), load(phase, LANES)
        slow = slow_turns.shape[1] > 0
        for k in range(skip, skip + kept):
            a, b = load(short_re, LANES * k), load(short_im, LANES * k)
            x, y = a * p - b * q, a * q + b * p
            if slow:
                u, v = splat(slow_turns[2 * c, k - skip]), splat(slow_turns[2 * c + 1, k - skip])
                x, y = x * u - y * v, x * v + y * u
            store(x, short_re, LANES * k)
            store(y, short_im, LANES * k)
        row = out[c]
        for k in range(0, kept - PIECE, PIECE):
            store_lanes(short_re, short_im, LANES * (skip + k), row, 2 * k, 2 * kept)
        k = kept - PIECE
        store_lanes(short_re, short_im, LANES * (skip + k), row, 2 * k, 2 * kept)


class FilterBank:
    """The channels of one capture; the arithmetic of one step, without its buffering.

    A step takes `lead + hop + tail` capture samples, of which `hop` are new ground, and gives
    `kept` samples of every channel at `plan.channel_rate_hz`.
    """

    def __init__(
        self, plan: BankPlan, offsets_hz: tuple[float, ...], half_widths_hz: tuple[float, ...]
    ) -> None:
        """Make the responses and all buffers; a step allocates nothing of its own."""
        ready(transform_blocks, extract_channels)
        self.plan = plan
        self.lead = self.tail = plan.guard
        self.hop = ROWS * plan.hop
        self.kept = ROWS * plan.kept
        designs = [
            channel_response(plan, offset, width)
            for offset, width in zip(offsets_hz, half_widths_hz, strict=True)
        ]
        centres = np.array([centre for centre, _ in designs], np.int64)
        away = self._order_bins()
        long_places, short_places = places(plan.block), places(plan.short_block)
        bins = centres[:, None] + away[None, :]
        rows = np.stack([bins, -bins], axis=1).reshape(-1, len(away)) % plan.block
        self._sources = LANES * long_places[rows]
        self._targets = LANES * short_places[away % plan.short_block]
        weights = np.array([response for _, response in designs])[:, away + plan.reach_bins]
        # Neither transform divides by its length: together they multiply by the long one.
        self._weights = np.ascontiguousarray(weights / plan.block, np.float32)
        self._weights_u8 = np.ascontiguousarray(weights / plan.block / 127.5, np.float32)
        self._phase = ChannelPhase(plan, offsets_hz, centres)
        self._passes, self._turns = plan_passes(plan.block)
        self._short_passes, self._short_turns = plan_passes(plan.short_block)
        self._re, self._im = aligned(LANES * plan.block), aligned(LANES * plan.block)
        self._short_re = aligned(LANES * plan.short_block)
        self._short_im = aligned(LANES * plan.short_block)
        self.image = ImageEstimate(plan, long_places)
        self.spectrum = SpectrumTally(plan, long_places)

    def run(self, step: int, samples: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
        """Do step number `step` on `samples`; write `out` (channels, 2 kept), pairs of floats.

        `samples` is uint8 (2 (lead + hop + tail),) or complex64 of half that length; it begins
        `lead` before capture sample `step * hop`.
        """
        plan, as_bytes = self.plan, samples.dtype == np.uint8
        pairs = samples if as_bytes else samples.view(np.float32)
        transform_blocks(pairs, plan.hop, self._passes, self._turns, self._re, self._im)
        self.image.add(step, self._re, self._im)
        self.spectrum.add(step, self._re, self._im, 127.5 if as_bytes else 1.0)
        extract_channels(
            self._re,
            self._im,
            self._sources,
            self._targets,
            self._weights_u8 if as_bytes else self._weights,
            np.float32(self.image.value.real),
            np.float32(self.image.value.imag),
            self._short_passes,
            self._short_turns,
            self._short_re,
            self._short_im,
            self._phase.starts(step),
            self._phase.per_row,
            self._phase.slow_turns,
            plan.guard * plan.short_block // plan.block,
            out,
        )

    def reset(self) -> None:
        """Forget what was learnt of the capture."""
        self.image.reset()
        self.spectrum.reset()

    def _order_bins(self) -> npt.NDArray[np.int64]:
        """Return bins as distances from the carrier: those that fill the channel, then the rest."""
        reach, half = self.plan.reach_bins, self.plan.short_block // 2
        own = np.arange(-half, half)
        beyond = np.concatenate([np.arange(-reach, -half), np.arange(half, reach)])
        return np.concatenate([own, beyond]).astype(np.int64)


def aligned(count: int) -> npt.NDArray[np.float32]:
    """Return zeros on a cache-line boundary: a vector over two lines costs two loads."""
    raw = np.zeros(count + _ALIGNMENT // 4, np.float32)
    begin = -raw.ctypes.data % _ALIGNMENT // 4
    return raw[begin : begin + count]
