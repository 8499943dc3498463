"""Treble limiter of an FM chain: takes the boost of a sibilant down before the whole voice ducks.

After pre-emphasis a sibilant may stand 10 dB over the vowels. One gain for everything would duck
the word. The pre-emphasised signal u = x + b is the flat signal x plus the boost b = u - x, mostly
treble; this block puts u' = x + h b with a smooth 1 >= h >= `floor` that is just small enough for
|u'| to pass below the ceiling where treble is to blame. Whatever is left over is the limiter's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp import kernel_types as types
from dsp.contract import Frames, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.master.gain_path import (
    GROUP,
    SPLINE,
    advance_gain,
    is_idle,
    make_gain_path,
    spline_weights,
)

Array = npt.NDArray[Any]

STEP = 64
_GROUPS = STEP // GROUP
_LINE_STEPS = 32  # the line moves to its front once in so many steps
FLOOR = 0.35  # -9 dB: 50 µs at 15 kHz keeps 5 of its 13.7 dB

FRAMES_IN = types.Array(types.float32, 2, "C", readonly=True)
FRAMES = types.Array(types.float32, 2, "C")
FIXED = types.Array(types.float32, 2, "C", readonly=True)
LINE = types.Array(types.float32, 3, "C")
ROW = types.Array(types.float32, 1, "C")
PATH = types.UniTuple(types.Array(types.float64, 1, "C"), 5)
COUNTS = types.Array(types.int64, 1, "C")


@inlined
def oldest_needed(smoothing: int) -> int:
    """Samples between the newest step and the one that is written: the gain path's lag."""
    return (smoothing + SPLINE - 2) * GROUP


@inlined
def _wanted_treble(x: Array, boost: Array, levels: Any) -> Any:
    """Largest h in floor … 1 that keeps |x + h b| of a group at the ceiling."""
    ceiling, floor = levels
    wanted = np.float32(1.0)
    for i in range(GROUP):
        flat = abs(x[i])
        # Where x alone is too loud no treble is to blame: the limiter's case.
        if abs(x[i] + boost[i]) > ceiling and flat < ceiling:
            wanted = min(wanted, max(floor, (ceiling - flat) / abs(boost[i])))
    return wanted


@inlined
def _mix_step(line: Array, at: int, control: Array, spline: Array, ready_out: Array) -> None:
    """Write STEP samples of x + h b from `at` on to `ready_out`, h on the spline."""
    s0, s1, s2, s3 = spline[0], spline[1], spline[2], spline[3]
    for c in range(line.shape[1]):
        for g in range(_GROUPS):
            c0, c1, c2, c3 = control[g], control[g + 1], control[g + 2], control[g + 3]
            x = line[0, c, at + g * GROUP : at + (g + 1) * GROUP]
            boost = line[1, c, at + g * GROUP : at + (g + 1) * GROUP]
            target = ready_out[c, g * GROUP : (g + 1) * GROUP]
            for i in range(GROUP):
                h = c0 * s0[i] + c1 * s1[i] + c2 * s2[i] + c3 * s3[i]
                target[i] = x[i] + h * boost[i]


@inlined
def _treble_step(newest: int, levels: Any, path: Any, buffers: Any, groups: Array) -> None:
    """Judge the step of `line` from `newest` on and write the oldest one to `ready_out`."""
    line, ready_out, spline, control = buffers
    wanted, fresh = groups[:_GROUPS], groups[_GROUPS:]
    wanted[:] = 1.0
    for c in range(line.shape[1]):
        for g in range(_GROUPS):
            x = line[0, c, newest + g * GROUP : newest + (g + 1) * GROUP]
            boost = line[1, c, newest + g * GROUP : newest + (g + 1) * GROUP]
            wanted[g] = min(wanted[g], np.float64(_wanted_treble(x, boost, levels)))
    control[:3] = control[_GROUPS:].copy()
    if is_idle(wanted, path[2], path[3], path[4]):
        control[3:] = 1.0
    else:
        advance_gain(wanted, path, fresh)
        for j in range(_GROUPS):
            control[j + 3] = fresh[j]
    at = newest - oldest_needed(path[0].shape[0])
    _mix_step(line, at, control, spline, ready_out)


@kernel(
    types.void(
        FRAMES_IN,
        FRAMES_IN,
        types.Tuple((types.float32, types.float32)),
        PATH,
        types.Tuple((LINE, FRAMES, FIXED, ROW)),
        COUNTS,
        FRAMES,
    ),
    # Fused multiply-adds only; tests/dsp/master/test_fm_limiter.py holds the result to 0.05 dB.
    fastmath=frozenset({"contract"}),
)
def limit_treble(
    flat: Frames,
    emphasised: Frames,
    levels: Any,
    path: Any,
    buffers: Any,
    counts: Array,
    out: Frames,
) -> None:
    """Write x + h b to `out`, late by STEP and by `oldest_needed`.

    `levels` = (ceiling, floor of h); `path` = the arrays of a GainPath; `buffers` = (line (2,
    channels, …) of x and b, ready_out (channels, STEP), spline weights, control points (3 + 8,));
    `counts` = [newest step in `line`, position in it].
    """
    line, ready_out = buffers[0], buffers[1]
    n, channels = flat.shape
    past = oldest_needed(path[0].shape[0])
    newest, position = counts[0], counts[1]
    groups = np.empty(2 * _GROUPS)
    done = 0
    while done < n:
        count = min(STEP - position, n - done)
        for c in range(channels):
            x = line[0, c, newest + position : newest + position + count]
            boost = line[1, c, newest + position : newest + position + count]
            finished = ready_out[c, position : position + count]
            for i in range(count):
                x[i] = flat[done + i, c]
                boost[i] = emphasised[done + i, c] - flat[done + i, c]
                out[done + i, c] = finished[i]
        done += count
        position += count
        if position == STEP:
            position = 0
            _treble_step(newest, levels, path, buffers, groups)
            newest += STEP
            if newest + STEP > line.shape[2]:
                line[:, :, :past] = line[:, :, newest - past : newest].copy()
                newest = past
    counts[0], counts[1] = newest, position


class TrebleLimiter:
    """Reduces the pre-emphasis boost of a stream where it would pass the ceiling.

    Parameters
    ----------
    sample_rate_hz, channels
        Of the stream; the channels share one gain.
    ceiling
        As an amplitude after pre-emphasis.
    look_ahead_s, release_s
        As for TruePeakLimiter, faster: treble recovers unheard.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        ceiling: float,
        look_ahead_s: float = 0.001,
        release_s: tuple[float, float] = (0.02, 0.1),
    ) -> None:
        ready(limit_treble)
        self.channels = channels
        self._levels = (np.float32(ceiling), np.float32(FLOOR))
        self._path = make_gain_path(sample_rate_hz, look_ahead_s=look_ahead_s, release_s=release_s)
        self._past = self._path.lag_groups * GROUP
        self.delay_samples = STEP + self._past
        self._buffers = (
            np.zeros((2, channels, self._past + _LINE_STEPS * STEP), np.float32),
            np.zeros((channels, STEP), np.float32),
            spline_weights(),
            np.ones(_GROUPS + SPLINE - 1, np.float32),
        )
        self._counts = np.array([self._past, 0], np.int64)

    def process_pair(self, flat: Frames, emphasised: Frames, out: Frames) -> Frames:
        """Mix (n, channels) flat and pre-emphasised frames into `out`, late by `delay_samples`."""
        require_frames(flat, self.channels)
        require_frames(emphasised, self.channels)
        limit_treble(
            flat, emphasised, self._levels, self._path.arrays, self._buffers, self._counts, out
        )
        return out

    def reset(self) -> None:
        """Forget the stream."""
        self._path.reset()
        line, ready_out, _, control = self._buffers
        line[:] = 0.0
        ready_out[:] = 0.0
        control[:] = 1.0
        self._counts[:] = self._past, 0
