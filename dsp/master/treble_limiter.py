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
from numba import types

from dsp.contract import Frames, require_frames
from dsp.kernel import inlined, kernel, ready
from dsp.master.gain_path import GROUP, advance_gain, make_gain_path, spline_weights

Array = npt.NDArray[Any]

FLOOR = 0.35  # -9 dB: 50 µs at 15 kHz keeps 5 of its 13.7 dB

FRAMES_IN = types.Array(types.float32, 2, "C", readonly=True)
FRAMES = types.Array(types.float32, 2, "C")
LINE = types.Array(types.float32, 3, "C")
REALS = types.Array(types.float64, 1, "C")
PATH = types.UniTuple(REALS, 5)
COUNTS = types.Array(types.int64, 1, "C")


@inlined
def _wanted_treble(line: Array, past: int, ceiling: float, floor: float) -> float:
    """Largest h in floor … 1 that keeps |x + h b| of the newest group at the ceiling."""
    wanted = 1.0
    for c in range(line.shape[1]):
        for i in range(past, past + GROUP):
            x = abs(line[0, c, i])
            boost = line[1, c, i]
            # Where x alone is too loud no treble is to blame: the limiter's case.
            if x < ceiling and abs(line[0, c, i] + boost) > ceiling:
                wanted = min(wanted, max(floor, (ceiling - x) / abs(boost)))
    return wanted


@inlined
def _spread(control: Array, spline: Array, gains: Array) -> None:
    """Evaluate the spline through four control points over one group."""
    for i in range(GROUP):
        gains[i] = (
            control[0] * spline[0, i]
            + control[1] * spline[1, i]
            + control[2] * spline[2, i]
            + control[3] * spline[3, i]
        )


@kernel(
    types.void(
        FRAMES_IN,
        FRAMES_IN,
        types.Tuple((types.float32, types.float32)),
        PATH,
        types.Tuple((types.Array(types.float32, 2, "C", readonly=True), REALS, COUNTS)),
        LINE,
        FRAMES,
    )
)
def limit_treble(
    flat: Frames,
    emphasised: Frames,
    levels: tuple[float, float],
    path: tuple[npt.NDArray[np.float64], ...],
    steps: tuple[npt.NDArray[np.generic], ...],
    line: npt.NDArray[np.float32],
    out: Frames,
) -> None:
    """Write x + h b to `out`, late by the past of `line` (2, channels, past + GROUP).

    `levels` = (ceiling, floor of h); `path` = the arrays of a GainPath; `steps` = (spline weights,
    control points (4,), [position in the group]). Runs group by group, 6 kHz at 48 kHz.
    """
    ceiling, floor = levels
    spline, control, counts = steps
    n, channels = flat.shape
    past = line.shape[2] - GROUP
    wanted = np.empty(1)
    fresh = np.empty(1)
    gains = np.empty(GROUP, np.float32)
    position = counts[0]
    _spread(control, spline, gains)
    for t in range(n):
        for c in range(channels):
            x = flat[t, c]
            line[0, c, past + position] = x
            line[1, c, past + position] = emphasised[t, c] - x
            out[t, c] = line[0, c, position] + gains[position] * line[1, c, position]
        position += 1
        if position == GROUP:
            position = 0
            wanted[0] = _wanted_treble(line, past, ceiling, floor)
            advance_gain(wanted, path, fresh)
            control[:3] = control[1:].copy()
            control[3] = fresh[0]
            _spread(control, spline, gains)
            line[:, :, :past] = line[:, :, GROUP:].copy()
    counts[0] = position


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
        # A group's gain is applied one group after it is known.
        self.delay_samples = (self._path.lag_groups + 1) * GROUP
        self._line = np.zeros((2, channels, self.delay_samples + GROUP), np.float32)
        self._spline = spline_weights()
        self._control = np.ones(4)
        self._counts = np.zeros(1, np.int64)

    def process_pair(self, flat: Frames, emphasised: Frames, out: Frames) -> Frames:
        """Mix (n, channels) flat and pre-emphasised frames into `out`, late by `delay_samples`."""
        require_frames(flat, self.channels)
        require_frames(emphasised, self.channels)
        limit_treble(
            flat,
            emphasised,
            self._levels,
            self._path.arrays,
            (self._spline, self._control, self._counts),
            self._line,
            out,
        )
        return out

    def reset(self) -> None:
        """Forget the stream."""
        self._path.reset()
        self._line[:] = 0.0
        self._control[:] = 1.0
        self._counts[:] = 0
