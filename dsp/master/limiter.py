"""True-peak limiter: the same programme out, with no peak of its wave over the ceiling.

1. A linear-phase low-pass at 0.4125 … 0.46 of the sample rate, so that everybody's interpolator
   sees the same wave (low_pass.py).
2. The wave's peaks at 8x, only where a bound says that they could pass the ceiling (oversample.py).
3. A smooth gain that looks ahead (gain_path.py), the same for all channels.

The gain is so smooth that the product stays band-limited; then the wave of the product is the
product of the waves, and a gain that is right at 8x leaves no peak over the ceiling (true peak as
in Rec. ITU-R BS.1770-5 Annex 2, with 8x in place of 4x). Work goes in steps of 64 frames; an idle
step only copies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.master.gain_path import (
    GROUP,
    SPLINE,
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
_GROUPS = STEP // GROUP
_LINE_STEPS = 32  # the line moves to its front once in so many steps
_AROUND = STEP + 2 * _WAIT  # samples that decide about the wave over one step
MARGIN_DB = 0.015  # for what the wave does between the eighths of a sample

PASS_EDGE = 0.4125
STOP_EDGE = 0.46
_STOP_DB = 50.0

F32 = types.float32
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
PLANES = types.Array(F32, 2, "C")
FIXED = types.Array(F32, 2, "C", readonly=True)
ROW = types.Array(F32, 1, "C")
PATH = types.UniTuple(types.Array(types.float64, 1, "C"), 5)
COUNTS = types.Array(types.int64, 1, "C")

Array = npt.NDArray[Any]


@inlined
def _largest_magnitude(x: Array) -> Any:
    """Largest |x| of a float32 row; compared as integers, which the compiler can vectorise."""
    bits = x.view(np.int32)
    top = np.int32(0)
    for i in range(bits.shape[0]):
        top = max(top, bits[i] & np.int32(0x7FFFFFFF))
    return np.int32(top).view(np.float32)


@inlined
def _could_exceed(x: Array, middle: int, scratch: Array, bounds: Array) -> bool:
    """Tell whether the wave over x[32 : 32 + middle + 1] may pass the ceiling.

    `x` holds 32 more samples on either side; `bounds` = line, curvature, ceiling.
    """
    near = _largest_magnitude(x[_WAIT : _WAIT + middle + 1])
    if near * bounds[0] > bounds[2]:
        return True
    x0, x1, x2 = x[:-2], x[1:-1], x[2:]
    bends = scratch[: x.shape[0] - 2]
    for i in range(bends.shape[0]):
        bends[i] = x0[i] - np.float32(2.0) * x1[i] + x2[i]
    return near * bounds[0] + _largest_magnitude(bends) * bounds[1] > bounds[2]


@inlined
def _raise_peaks(x: Array, weights: Array, wave: Array, peaks: Array) -> None:
    """Raise `peaks` (TILE,) to the largest |wave| in each [n, n + 1) of a tile.

    `x` begins REACH - 1 samples before the tile.
    """
    now = x[REACH - 1 : REACH - 1 + TILE]
    for i in range(TILE):
        peaks[i] = max(peaks[i], abs(now[i]))
    for p in range(weights.shape[0]):
        wave[:] = 0.0
        for k in range(0, 2 * REACH, 8):
            h = weights[p, k : k + 8]
            w = x[k : k + TILE + 7]
            for i in range(TILE):
                low = wave[i] + h[0] * w[i] + h[1] * w[i + 1] + h[2] * w[i + 2] + h[3] * w[i + 3]
                low = low + h[4] * w[i + 4] + h[5] * w[i + 5] + h[6] * w[i + 6]
                wave[i] = low + h[7] * w[i + 7]
        for i in range(TILE):
            peaks[i] = max(peaks[i], abs(wave[i]))


@inlined
def _judge_step(line: Array, at: int, detector: Any, scratch: Array, allowed_new: Array) -> int:
    """Find the largest gain of each group of a step that keeps the wave at the ceiling.

    The step's samples are line[:, at : at + STEP]. Returns how many tiles were interpolated.
    """
    weights, bounds = detector
    judged = 0
    allowed_new[:] = 1.0
    wave = scratch[_AROUND : _AROUND + TILE]
    peaks = scratch[_AROUND + TILE : _AROUND + 2 * TILE]
    for c in range(line.shape[0]):
        around = line[c, at - _WAIT : at + STEP + _WAIT]
        if not _could_exceed(around, STEP, scratch, bounds):
            continue
        for tile in range(0, STEP, TILE):
            if not _could_exceed(around[tile : tile + TILE + 2 * _WAIT], TILE, scratch, bounds):
                continue
            judged += 1
            peaks[:] = 0.0
            _raise_peaks(around[tile + _WAIT - REACH + 1 :], weights, wave, peaks)
            for g in range(TILE // GROUP):
                peak = _largest_magnitude(peaks[g * GROUP : (g + 1) * GROUP])
                if peak > bounds[2]:
                    slot = tile // GROUP + g
                    allowed_new[slot] = min(allowed_new[slot], np.float64(bounds[2] / peak))
    return judged


@inlined
def _apply_spline(x: Array, control: Array, spline: Array, out: Array) -> None:
    """Write STEP samples of `x` times the spline through `control` to `out`."""
    s0, s1, s2, s3 = spline[0], spline[1], spline[2], spline[3]
    for g in range(_GROUPS):
        c0, c1, c2, c3 = control[g], control[g + 1], control[g + 2], control[g + 3]
        source = x[g * GROUP : (g + 1) * GROUP]
        target = out[g * GROUP : (g + 1) * GROUP]
        for i in range(GROUP):
            target[i] = source[i] * (c0 * s0[i] + c1 * s1[i] + c2 * s2[i] + c3 * s3[i])


@inlined
def oldest_needed(smoothing: int) -> int:
    """Samples before the newest step that are still needed, for `smoothing` FIR weights."""
    return _WAIT + max(_WAIT, (smoothing + SPLINE - 2) * GROUP)


@inlined
def _limit_step(detector: Any, path: Any, buffers: Any, counts: Array, groups: Array) -> None:
    """Judge the newest step of `line` and write the oldest one, with its gain, to `ready_out`.

    `detector` = (interpolator weights, bounds and ceiling); `path` = the arrays of a GainPath;
    `buffers` = (line (channels, …), ready_out (channels, STEP), spline (4, 8), control points
    (3 + 8,), scratch); `groups` (16,) is scratch; `counts` = [end of the newest step in `line`,
    position in the step, steps, steps idle, tiles interpolated].
    """
    line, ready_out, spline, control, scratch = buffers
    fir, rates, allowed, eased, envelope = path
    end = counts[0]
    judged_at = end - STEP - _WAIT
    oldest = judged_at - (fir.shape[0] + SPLINE - 2) * GROUP
    allowed_new, fresh = groups[:_GROUPS], groups[_GROUPS:]
    counts[2] += 1
    counts[4] += _judge_step(line, judged_at, detector, scratch, allowed_new)
    if is_idle(allowed_new, allowed, eased, envelope):
        counts[3] += 1
        control[:] = 1.0
        ready_out[:] = line[:, oldest : oldest + STEP]
        return
    advance_gain(allowed_new, (fir, rates, allowed, eased, envelope), fresh)
    control[:3] = control[_GROUPS:].copy()
    for j in range(_GROUPS):
        control[j + 3] = fresh[j]
    for c in range(line.shape[0]):
        _apply_spline(line[c, oldest : oldest + STEP], control, spline, ready_out[c])


@kernel(
    types.void(
        FRAMES_IN,
        types.Tuple((FIXED, ROW)),
        PATH,
        types.Tuple((PLANES, PLANES, FIXED, ROW, ROW)),
        COUNTS,
        PLANES,
    ),
    # Fused multiply-adds only; tests/dsp/master/test_limiter.py compares with the float64 twin.
    fastmath=frozenset({"contract"}),
)
def limit_frames(
    frames: Frames, detector: Any, path: Any, buffers: Any, counts: Array, out: Frames
) -> None:
    """Write the limited stream to `out`, late by STEP and by what `line` holds of the past.

    Arguments as for `_limit_step`, which it calls for every complete step.
    """
    line, ready_out = buffers[0], buffers[1]
    n, channels = frames.shape
    past = oldest_needed(path[0].shape[0])
    position = counts[1]
    groups = np.empty(2 * _GROUPS)
    done = 0
    while done < n:
        count = min(STEP - position, n - done)
        for c in range(channels):
            source, target = frames[done : done + count, c], out[done : done + count, c]
            fresh = line[c, counts[0] + position : counts[0] + position + count]
            finished = ready_out[c, position : position + count]
            for i in range(count):
                value = source[i]  # `out` may be `frames`
                target[i] = finished[i]
                fresh[i] = value
        done += count
        position += count
        if position == STEP:
            position = 0
            counts[0] += STEP
            _limit_step(detector, path, buffers, counts, groups)
            if counts[0] + STEP > line.shape[1]:
                # Rarely: the line is many steps long.
                line[:, :past] = line[:, counts[0] - past : counts[0]].copy()
                counts[0] = past
    counts[1] = position


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
        Low-pass at 0.4125 … 0.46 of the sample rate first. Leave it on unless the stream already
        has nothing above that: without it the promise does not hold.

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
        self._band = make_band_limit(sample_rate_hz, channels) if band_limit else None
        interpolator = design_interpolator()
        ceiling = 10.0 ** ((ceiling_dbtp - MARGIN_DB) / 20.0)
        bounds = [interpolator.line_bound, interpolator.curvature_bound, ceiling]
        self._detector = (interpolator.weights, np.array(bounds, np.float32))
        self._path = make_gain_path(sample_rate_hz, look_ahead_s=look_ahead_s, release_s=release_s)
        self._past = _WAIT + max(_WAIT, self._path.lag_groups * GROUP)
        self._buffers = (
            np.zeros((channels, self._past + _LINE_STEPS * STEP), np.float32),
            np.zeros((channels, STEP), np.float32),
            spline_weights(),
            np.ones(_GROUPS + SPLINE - 1, np.float32),
            np.zeros(_AROUND + 2 * TILE, np.float32),
        )
        self._counts = np.zeros(5, np.int64)
        self._counts[0] = self._past
        wait = _WAIT + self._path.lag_groups * GROUP
        self.delay_samples = STEP + wait + (self._band.delay_samples if self._band else 0)

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next frames, limited, late by `delay_samples`; allocates the output only."""
        require_frames(frames, self.channels)
        target = output_for(frames, out)
        limited = frames if self._band is None else self._band.process(frames, target)
        limit_frames(
            limited, self._detector, self._path.arrays, self._buffers, self._counts, target
        )
        return target

    def reset(self) -> None:
        """Forget the stream."""
        if self._band is not None:
            self._band.reset()
        self._path.reset()
        line, ready_out, _, control, _ = self._buffers
        line[:] = 0.0
        ready_out[:] = 0.0
        control[:] = 1.0
        self._counts[:] = 0
        self._counts[0] = self._past


def make_band_limit(sample_rate_hz: int, channels: int) -> LinearPhaseLowPass:
    """Build the low-pass below which "the wave" is the same for every meter and converter."""
    return LinearPhaseLowPass(
        sample_rate_hz,
        channels,
        pass_hz=PASS_EDGE * sample_rate_hz,
        stop_hz=STOP_EDGE * sample_rate_hz,
        attenuation_db=_STOP_DB,
    )
