"""True-peak limiter: the same programme out, with no peak of its wave over the ceiling.

1. A linear-phase low-pass at 0.4125 … 0.46 of the sample rate, so that everybody's interpolator
   sees the same wave (low_pass.py).
2. The wave's peaks at 8x, only where a bound says that they could pass the ceiling (oversample.py).
3. A smooth gain that looks ahead (gain_path.py), the same for all channels.

The gain is so smooth that the product stays band-limited; then the wave of the product is the
product of the waves, and a gain that is right at 8x leaves no peak over the ceiling (true peak as
in Rec. ITU-R BS.1770-5 Annex 2, with 8x in place of 4x). Work goes in steps of 64 frames, up to 32
of them at once; a step whose gain is one is only copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, output_for, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.lanes import (
    LANES,
    lane_max,
    larger,
    load,
    magnitude,
    splat,
    spread,
    spread_two,
    store,
)
from dsp.master.gain_path import (
    GROUP,
    SPLINE,
    STEP_GROUPS,
    advance_gain,
    make_gain_path,
    spline_weights,
)
from dsp.master.laps import hand_out, take_in
from dsp.master.low_pass import LinearPhaseLowPass
from dsp.master.oversample import REACH, design_interpolator

STEP = STEP_GROUPS * GROUP
TILE = LANES
_WAIT = 32  # the interpolator reaches 20 samples ahead; whole tiles: 32
_GROUPS = STEP_GROUPS
_LINE_STEPS = 32  # worked on together at most; the line moves to its front once in so many
_MOST_GROUPS = _LINE_STEPS * _GROUPS
MARGIN_DB = 0.015  # for what the wave does between the eighths of a sample

PASS_EDGE = 0.4125
STOP_EDGE = 0.46
_STOP_DB = 50.0

F32 = types.float32
FRAMES_IN = types.Array(F32, 2, "C", readonly=True)
PLANES = types.Array(F32, 2, "C")
ROW = types.Array(F32, 1, "C")
PATH = types.UniTuple(types.Array(types.float64, 1, "C"), 5)
COUNTS = types.Array(types.int64, 1, "C")

Array = npt.NDArray[Any]


@inlined
def _largest_magnitude(x: Array, at: int, count: int) -> Any:
    """Largest |x| of `count` samples from `at` on, at least 16."""
    top = magnitude(load(x, at + count - LANES))
    for i in range(at, at + count - LANES, LANES):
        top = larger(magnitude(load(x, i)), top)
    return lane_max(top)


@inlined
def _largest_bend(x: Array, at: int, count: int) -> Any:
    """Largest second difference around `count` samples from `at` on, at least 16."""
    top = splat(0.0)
    for i in range(at, at + count + LANES - 1, LANES):
        j = min(i, at + count - LANES)
        middle = load(x, j)
        bend = (load(x, j - 1) - middle) + (load(x, j + 1) - middle)
        top = larger(magnitude(bend), top)
    return lane_max(top)


@inlined
def _could_exceed(x: Array, at: int, middle: int, bounds: Array) -> bool:
    """Tell whether the wave over x[at : at + middle + 1] may pass the ceiling.

    `bounds` = line, curvature, ceiling. The interpolator looks at 32 samples to either side.
    """
    near = _largest_magnitude(x, at, middle + 1)
    if near * bounds[0] > bounds[2]:
        return True
    bend = _largest_bend(x, at - _WAIT + 1, middle + 2 * _WAIT - 2)
    return near * bounds[0] + bend * bounds[1] > bounds[2]


@inlined
def _wave_peaks(x: Array, at: int, weights: Array) -> Any:
    """Largest |wave| in [n, n + 1) of each of the TILE samples from `at` on, in lanes."""
    w1 = w2 = w3 = w4 = w5 = w6 = w7 = splat(0.0)
    for k in range(2 * REACH):
        v = load(x, at - REACH + 1 + k)
        w1 = w1 + spread(weights, k) * v
        w2 = w2 + spread(weights, 2 * REACH + k) * v
        w3 = w3 + spread(weights, 4 * REACH + k) * v
        w4 = w4 + spread(weights, 6 * REACH + k) * v
        w5 = w5 + spread(weights, 8 * REACH + k) * v
        w6 = w6 + spread(weights, 10 * REACH + k) * v
        w7 = w7 + spread(weights, 12 * REACH + k) * v
    top = larger(magnitude(w1), magnitude(w2))
    top = larger(larger(magnitude(w3), magnitude(w4)), top)
    top = larger(larger(magnitude(w5), magnitude(w6)), top)
    return larger(larger(magnitude(w7), magnitude(load(x, at))), top)


@inlined
def _judge_step(
    lines: Any, at: int, detector: Any, scratch: Array, allowed: Array, place: int
) -> int:
    """Find the largest gain of each group of a step that keeps the wave at the ceiling.

    `lines`: the channels one behind the other, and their length; the step begins at `at` of each.
    The gains go to `allowed` from `place` on. Returns how many tiles were interpolated.
    """
    weights, bounds = detector
    line, width = lines
    judged = 0
    for j in range(place, place + _GROUPS):
        allowed[j] = 1.0
    for first in range(at, line.shape[0], width):
        if not _could_exceed(line, first, STEP, bounds):
            continue
        for tile in range(0, STEP, TILE):
            if not _could_exceed(line, first + tile, TILE, bounds):
                continue
            judged += 1
            store(_wave_peaks(line, first + tile, weights), scratch, 0)
            for g in range(TILE // GROUP):
                peak = np.float32(0.0)
                for i in range(g * GROUP, (g + 1) * GROUP):
                    peak = max(peak, scratch[i])
                if peak > bounds[2]:
                    slot = place + tile // GROUP + g
                    allowed[slot] = min(allowed[slot], np.float64(bounds[2] / peak))
    return judged


@inlined
def _apply_spline(x: Array, at: int, gains: Any, out: Array, place: int) -> None:
    """Write STEP samples of `x` from `at` on times a spline to `out` from `place` on.

    `gains`: the spline's weights (4 * 16,), its control points, and the first of the step.
    """
    spline, control, first = gains
    s0, s1 = load(spline, 0), load(spline, LANES)
    s2, s3 = load(spline, 2 * LANES), load(spline, 3 * LANES)
    for g in range(0, _GROUPS, LANES // GROUP):
        k = first + g
        gain = spread_two(control, k) * s0 + spread_two(control, k + 1) * s1
        gain = gain + spread_two(control, k + 2) * s2 + spread_two(control, k + 3) * s3
        store(load(x, at + g * GROUP) * gain, out, place + g * GROUP)


@inlined
def oldest_needed(smoothing: int) -> int:
    """Samples before the newest step that are still needed, for `smoothing` FIR weights."""
    return _WAIT + max(_WAIT, (smoothing + SPLINE - 2) * GROUP)


@inlined
def _limit_steps(steps: int, detector: Any, path: Any, room: Any, counts: Array) -> None:
    """Judge the newest steps of the line and write as many old ones, with their gain.

    All steps are judged, then the gain moves on, then all are written: a step on its own would wait
    for its own numbers on their way through memory. `detector` = (interpolator weights, bounds and
    ceiling); `path` = the arrays of a GainPath; `room` = (line, its width, limited, its width,
    spline, control points, allowed gains, fresh control points, scratch): channels one behind the
    other in one flat array, because a view costs more than a step. The steps go to `limited` from
    STEP on in each channel. `counts` = [end of the newest step in the line, position in the step,
    steps, steps idle, tiles interpolated].
    """
    line, width, limited, width_out, spline, control, allowed, fresh, scratch = room
    first = counts[0] - steps * STEP - _WAIT
    for step in range(steps):
        at = first + step * STEP
        counts[4] += _judge_step((line, width), at, detector, scratch, allowed, step * _GROUPS)
    groups = steps * _GROUPS
    advance_gain(allowed[:groups], path, fresh[:groups])
    for j in range(groups):
        control[j + SPLINE - 1] = fresh[j]
    first -= (path[0].shape[0] + SPLINE - 2) * GROUP
    for step in range(steps):
        oldest, place = first + step * STEP, (step + 1) * STEP
        lowest = np.float32(1.0)
        for j in range(step * _GROUPS, (step + 1) * _GROUPS + SPLINE - 1):
            lowest = min(lowest, control[j])
        counts[3] += lowest == np.float32(1.0)
        for c in range(line.shape[0] // width):
            x, out = c * width + oldest, c * width_out + place
            if lowest == np.float32(1.0):
                for i in range(0, STEP, LANES):
                    store(load(line, x + i), limited, out + i)
            else:
                _apply_spline(line, x, (spline, control, step * _GROUPS), limited, out)
    counts[2] += steps
    for j in range(SPLINE - 1):
        control[j] = control[groups + j]


@kernel(
    types.void(
        FRAMES_IN,
        types.Tuple((ROW, ROW)),
        PATH,
        types.Tuple((PLANES, PLANES, ROW, ROW, types.Array(types.float64, 1, "C"), ROW)),
        COUNTS,
        PLANES,
    ),
    # Fused multiply-adds only; tests/dsp/master/test_limiter.py compares with the float64 twin.
    fastmath=frozenset({"contract"}),
)
def limit_frames(
    frames: Frames, detector: Any, path: Any, buffers: Any, counts: Array, out: Frames
) -> None:
    """Write the limited stream to `out`, late by STEP and by what the line holds of the past.

    `detector`, `path`, `counts`: see `_limit_steps`. `buffers` = (line (channels, …), limited
    (channels, …), spline (4 * 16,), control points (3 + groups,), groups (2 * groups,), scratch
    (16,)). The first STEP columns of `limited` are the step that goes out while the next one comes
    in.
    """
    line, limited, spline, control, groups, scratch = buffers
    n, channels = frames.shape
    flat, flat_out = line.reshape(line.size), limited.reshape(limited.size)
    allowed, fresh = groups[:_MOST_GROUPS], groups[_MOST_GROUPS:]
    room = (
        flat,
        line.shape[1],
        flat_out,
        limited.shape[1],
        spline,
        control,
        allowed,
        fresh,
        scratch,
    )
    past = oldest_needed(path[0].shape[0])
    done = 0
    while done < n:
        position = counts[1]
        count = min(line.shape[1] - counts[0] - position, n - done)
        for c in range(channels):
            take_in(frames, done, count, c, line[c], counts[0] + position)
        steps = (position + count) // STEP
        counts[0] += steps * STEP
        if steps:
            _limit_steps(steps, detector, path, room, counts)
        for c in range(channels):
            # After `take_in`: `out` may be `frames`.
            hand_out(limited[c], position, count, c, done, out)
        done += count
        counts[1] = position + count - steps * STEP
        if steps:
            limited[:, :STEP] = limited[:, steps * STEP : (steps + 1) * STEP].copy()
        if counts[0] == line.shape[1]:
            # Rarely: the line is many steps long.
            line[:, :past] = line[:, counts[0] - past :].copy()
            counts[0] = past


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
        self._detector = (interpolator.weights.reshape(-1), np.array(bounds, np.float32))
        self._path = make_gain_path(
            sample_rate_hz,
            look_ahead_s=look_ahead_s,
            release_s=release_s,
            most_groups=_MOST_GROUPS,
        )
        self._past = _WAIT + max(_WAIT, self._path.lag_groups * GROUP)
        self._buffers = (
            np.zeros((channels, self._past + _LINE_STEPS * STEP), np.float32),
            np.zeros((channels, (_LINE_STEPS + 1) * STEP), np.float32),
            np.tile(spline_weights(), LANES // GROUP).reshape(-1),
            np.ones(_MOST_GROUPS + SPLINE - 1, np.float32),
            np.zeros(2 * _MOST_GROUPS),
            np.zeros(LANES, np.float32),
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
        line, limited, _, control, _, _ = self._buffers
        line[:] = 0.0
        limited[:] = 0.0
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
