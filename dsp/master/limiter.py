"""True-peak limiter: programme in, the same programme out with no peak of its wave over the ceiling.

1. A linear-phase low-pass at 0.4125 … 0.46 of the sample rate, so that everybody's interpolator sees
   the same wave (low_pass.py). 2. The wave's peaks at 8x, only where a bound says that they could pass
   the ceiling (oversample.py). 3. A smooth gain that looks ahead (gain_path.py). All channels share it.

The gain is so smooth that the product stays band-limited; then the wave of the product is the product
of the waves, and a gain that is right at 8x leaves no peak over the ceiling (true peak as in
Rec. ITU-R BS.1770-5 Annex 2, with 8x in place of 4x). Work goes in steps of 64 frames; an idle step
only copies.
"""

from __future__ import annotations

import numpy as np
from numba import types

from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.master.gain_path import (
    GROUP,
    advance_gain,
    is_idle,
    make_gain_path,
    spline_weights,
)
from dsp.master.low_pass import LinearPhaseLowPass
from dsp.master.oversample import REACH, design_interpolator

STEP = 64
TILE = 16
_WAIT = 32  # the interpolator reaches 20 samples ahead; whole tiles: 32
_TILES = STEP // TILE
_GROUPS = STEP // GROUP
_GROUPS_PER_TILE = TILE // GROUP
_TILE_PAST = 2 * _WAIT // TILE  # tile maxima kept: two tiles before and two after the one judged
MARGIN_DB = 0.015  # for what the wave does between the eighths of a sample

PASS_EDGE = 0.4125
STOP_EDGE = 0.46
_STOP_DB = 50.0

F32 = types.float32
F64 = types.float64
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
PLANES = types.Array(F32, 2, "C")
FIXED = types.Array(F32, 2, "C", readonly=True)
REALS = types.Array(F64, 1, "C")
COUNTS = types.Array(types.int64, 1, "C")


@inlined
def _largest_magnitude(bits, start, stop):
    """Bit pattern of the largest |float32| of a stretch; as integers the compiler can vectorise."""
    most = np.int32(0)
    for i in range(start, stop):
        most = max(most, bits[i] & np.int32(0x7FFFFFFF))
    return most


@inlined
def _measure_tiles(line, base, curve, tile_max):
    """Append each new tile's largest sample and largest second difference to `tile_max` (2, …)."""
    bits = np.empty(1, np.int32)
    as_float = bits.view(np.float32)
    curve_bits = curve.view(np.int32)
    for row in range(2):
        for j in range(_TILE_PAST):
            tile_max[row, j] = tile_max[row, j + _TILES]
        for j in range(_TILES):
            tile_max[row, _TILE_PAST + j] = 0.0
    for c in range(line.shape[0]):
        x = line[c]
        x_bits = x.view(np.int32)
        for i in range(STEP):
            curve[i] = x[base + i - 2] - np.float32(2.0) * x[base + i - 1] + x[base + i]
        for j in range(_TILES):
            slot = _TILE_PAST + j
            start = base + j * TILE
            bits[0] = _largest_magnitude(x_bits, start, start + TILE)
            tile_max[0, slot] = max(tile_max[0, slot], as_float[0])
            bits[0] = _largest_magnitude(curve_bits, j * TILE, (j + 1) * TILE)
            tile_max[1, slot] = max(tile_max[1, slot], as_float[0])


@inlined
def _could_exceed(tile_max, tile, bounds, ceiling):
    """Tell whether the wave over this tile may pass the ceiling, from the tiles around it."""
    near = max(tile_max[0, tile], tile_max[0, tile + 1])
    if near * bounds[1] > ceiling:
        return True
    largest = near
    bend = np.float32(0.0)
    for j in range(tile - 2, tile + 3):
        largest = max(largest, tile_max[0, j])
        bend = max(bend, tile_max[1, j])
    if largest * bounds[0] <= ceiling:
        return False
    return near * bounds[1] + bend * bounds[2] > ceiling


@inlined
def _tile_peaks(x, start, weights, wave, peaks):
    """Raise `peaks` (TILE,) to the largest |wave| in each [n, n + 1) of the tile at `start`."""
    for i in range(TILE):
        peaks[i] = max(peaks[i], abs(x[start + i]))
    for p in range(weights.shape[0]):
        for i in range(TILE):
            wave[i] = 0.0
        for k in range(0, weights.shape[1], 8):
            h0, h1, h2, h3 = weights[p, k], weights[p, k + 1], weights[p, k + 2], weights[p, k + 3]
            h4, h5 = weights[p, k + 4], weights[p, k + 5]
            h6, h7 = weights[p, k + 6], weights[p, k + 7]
            w = x[start - REACH + 1 + k : start - REACH + 1 + k + TILE + 7]
            for i in range(TILE):
                low = wave[i] + h0 * w[i] + h1 * w[i + 1] + h2 * w[i + 2] + h3 * w[i + 3]
                wave[i] = low + h4 * w[i + 4] + h5 * w[i + 5] + h6 * w[i + 6] + h7 * w[i + 7]
        for i in range(TILE):
            peaks[i] = max(peaks[i], abs(wave[i]))


@inlined
def _allowed_gains(line, base, weights, bounds, ceiling, tile_max, scratch, allowed_new):
    """Largest gain of each group that keeps the wave at the ceiling; returns tiles interpolated."""
    judged = 0
    wave = scratch[0]
    peaks = scratch[1]
    for j in range(_TILES):
        for g in range(_GROUPS_PER_TILE):
            allowed_new[j * _GROUPS_PER_TILE + g] = 1.0
        if not _could_exceed(tile_max, j + _TILE_PAST // 2, bounds, ceiling):
            continue
        judged += 1
        for i in range(TILE):
            peaks[i] = 0.0
        for c in range(line.shape[0]):
            _tile_peaks(line[c], base - _WAIT + j * TILE, weights, wave, peaks)
        for g in range(_GROUPS_PER_TILE):
            peak = np.float32(0.0)
            for i in range(GROUP):
                peak = max(peak, peaks[g * GROUP + i])
            if peak > ceiling:
                allowed_new[j * _GROUPS_PER_TILE + g] = ceiling / peak
    return judged


@inlined
def _apply_spline(x, start, control, spline, out):
    """Write STEP samples of `x` times the spline through `control` to `out`."""
    for g in range(_GROUPS):
        c0, c1, c2, c3 = control[g], control[g + 1], control[g + 2], control[g + 3]
        for i in range(GROUP):
            gain = c0 * spline[0, i] + c1 * spline[1, i] + c2 * spline[2, i] + c3 * spline[3, i]
            out[g * GROUP + i] = x[start + g * GROUP + i] * gain


@kernel(
    types.void(
        FRAMES_IN, F32, FIXED, types.Array(F32, 1, "C", readonly=True), FIXED,
        REALS, REALS, REALS, REALS, REALS,
        PLANES, PLANES, PLANES, types.Array(F32, 1, "C"), COUNTS, PLANES,
    ),
    # Fused multiply-adds only; tests/dsp/master/test_limiter.py compares with the float64 twin.
    fastmath=frozenset({"contract"}),
)  # fmt: skip
def limit_frames(  # noqa: PLR0913 - a kernel is given its whole state
    frames, ceiling, weights, bounds, spline,
    fir, rates, allowed, eased, envelope,
    line, ready_out, tile_max, control, counts, out,
):  # fmt: skip
    """Write the limited stream to `out`, late by STEP and by the length of `line`'s past.

    `line` (channels, past + STEP) holds the signal, `ready_out` (channels, STEP) finished samples,
    `control` (3 + 8,) spline control points; `counts` = [position in the step, steps, steps idle,
    tiles interpolated].
    """
    n, channels = frames.shape
    base = line.shape[1] - STEP
    oldest = base - _WAIT - (fir.shape[0] + 2) * GROUP
    curve = np.empty(STEP, np.float32)
    scratch = np.empty((2, TILE), np.float32)
    allowed_new = np.empty(_GROUPS)
    fresh = np.empty(_GROUPS)
    position = counts[0]
    done = 0
    while done < n:
        count = min(STEP - position, n - done)
        for c in range(channels):
            for i in range(count):
                line[c, base + position + i] = frames[done + i, c]
                out[done + i, c] = ready_out[c, position + i]
        done += count
        position += count
        if position < STEP:
            break
        position = 0
        counts[1] += 1
        _measure_tiles(line, base, curve, tile_max)
        counts[3] += _allowed_gains(
            line, base, weights, bounds, ceiling, tile_max, scratch, allowed_new
        )
        if is_idle(allowed_new, allowed, eased, envelope):
            counts[2] += 1
            control[:] = 1.0
            for c in range(channels):
                for i in range(STEP):
                    ready_out[c, i] = line[c, oldest + i]
        else:
            advance_gain(allowed_new, fir, rates, allowed, eased, envelope, fresh)
            for j in range(3):
                control[j] = control[j + _GROUPS]
            for j in range(_GROUPS):
                control[j + 3] = fresh[j]
            for c in range(channels):
                _apply_spline(line[c], oldest, control, spline, ready_out[c])
        for c in range(channels):
            line[c, :base] = line[c, STEP:].copy()
    counts[0] = position


class TruePeakLimiter:
    """Holds the true peak of a stream at or below a ceiling.

    Parameters
    ----------
    sample_rate_hz, channels
        Of the stream; the channels share one gain.
    ceiling_dbtp
        Highest allowed true peak, at most +20.
    look_ahead_s
        How early the gain begins to fall before a peak (in steps of 8 samples, at least 4 of them).
    release_s
        Time constants of the fast and the slow recovery.
    band_limit
        Low-pass at 0.4125 … 0.46 of the sample rate first. Leave it on unless the stream already has
        nothing above that: without it the promise does not hold.

    Raises
    ------
    ValueError
        For a parameter out of range.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        ceiling_dbtp: float,
        look_ahead_s: float = 0.0015,
        release_s: tuple[float, float] = (0.06, 0.5),
        band_limit: bool = True,
    ) -> None:
        if not -60.0 <= ceiling_dbtp <= 20.0:
            raise ValueError(f"ceiling_dbtp: expected -60 … 20, got {ceiling_dbtp}")
        if not 0.0 < look_ahead_s <= 0.05:
            raise ValueError(f"look_ahead_s: expected within (0, 0.05], got {look_ahead_s}")
        if not 0.0 < release_s[0] <= release_s[1]:
            raise ValueError(f"release_s: expected 0 < fast <= slow, got {release_s}")
        ready(limit_frames)
        self.channels = channels
        self.ceiling_dbtp = ceiling_dbtp
        self._ceiling = np.float32(10.0 ** ((ceiling_dbtp - MARGIN_DB) / 20.0))
        self._band = make_band_limit(sample_rate_hz, channels) if band_limit else None
        interpolator = design_interpolator()
        self._weights = interpolator.weights
        self._bounds = np.array(
            [interpolator.gain_bound, interpolator.line_bound, interpolator.curvature_bound],
            np.float32,
        )
        self._spline = spline_weights()
        self._path = make_gain_path(sample_rate_hz, look_ahead_s=look_ahead_s, release_s=release_s)
        wait = _WAIT + self._path.lag_groups * GROUP
        self.delay_samples = STEP + wait + (self._band.delay_samples if self._band else 0)
        self._line = np.zeros((channels, wait + REACH + STEP), np.float32)
        self._ready_out = np.zeros((channels, STEP), np.float32)
        self._tile_max = np.zeros((2, _TILE_PAST + _TILES), np.float32)
        self._control = np.ones(3 + _GROUPS, np.float32)
        self._counts = np.zeros(4, np.int64)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next frames, limited, late by `delay_samples`; allocates the output only."""
        require_frames(frames, self.channels)
        target = output_for(frames, out)
        limited = frames if self._band is None else self._band.process(frames, target)
        path = self._path
        limit_frames(
            limited, self._ceiling, self._weights, self._bounds, self._spline,
            path.fir, path.rates, path.allowed, path.eased, path.envelope,
            self._line, self._ready_out, self._tile_max, self._control, self._counts, target,
        )  # fmt: skip
        return target

    def reset(self) -> None:
        """Forget the stream."""
        if self._band is not None:
            self._band.reset()
        self._path.reset()
        for state in (self._line, self._ready_out, self._tile_max, self._counts):
            state[:] = 0
        self._control[:] = 1.0


def make_band_limit(sample_rate_hz: int, channels: int) -> LinearPhaseLowPass:
    """Build the low-pass below which "the wave" is the same for every meter and converter."""
    return LinearPhaseLowPass(
        sample_rate_hz,
        channels,
        pass_hz=PASS_EDGE * sample_rate_hz,
        stop_hz=STOP_EDGE * sample_rate_hz,
        attenuation_db=_STOP_DB,
    )
