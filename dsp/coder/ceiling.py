"""The ceiling of the multiplex: left and right, pre-emphasised, never pass the audio's share.

M + S · sin(2ωt) with M = (L + R) / 2, S = (L - R) / 2 equals L (1 + s) / 2 + R (1 - s) / 2 with
s = sin(2ωt) in -1 … 1: at every moment it lies between L and R. So where the waves of L and R, also
between their samples, stay within the share that pilot and RDS leave of the rated deviation, the
sum of all three stays within the rated deviation, at every moment and not only at the samples.

Peaks between the samples are vertices of parabolas on the grid of half samples, good to 0.003 dB
for anything up to 17 kHz; `MARGIN_DB` stands for it. The gain looks ahead and is smooth
(dsp/master/gain_path.py, whose groups of 8 samples at 48 kHz are 32 here). Where nothing exceeds, a
step is copied: an FM master that fits leaves bit by bit as it came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import BlockContractError
from dsp.fm.constants import AUDIO_RATE_HZ, COMPOSITE_RATE_HZ
from dsp.kernel import inlined, kernel, ready
from dsp.master.gain_path import GROUP, SPLINE, advance_gain, is_idle, make_gain_path

GROUP_SAMPLES = GROUP * COMPOSITE_RATE_HZ // AUDIO_RATE_HZ
STEP = 256
MARGIN_DB = 0.005
_NEAR, _NEXT, _FAR = np.float32(150 / 256), np.float32(25 / 256), np.float32(3 / 256)
_GROUPS = STEP // GROUP_SAMPLES
# A step is judged one group late, so that the wave around its last sample is known.
_WAIT = GROUP_SAMPLES

Planes = npt.NDArray[np.float32]

F32 = types.float32
PLANES_IN = types.Array(F32, 2, "C", readonly=True)
PLANES = types.Array(F32, 2, "C")
PATH = types.UniTuple(types.Array(types.float64, 1, "C"), 5)
ROW = types.Array(F32, 1, "C")
COUNTS = types.Array(types.int64, 1, "C")


@inlined
def _largest_magnitude(x: Any) -> Any:
    """Largest |x| of a float32 row; compared as integers, which the compiler can vectorise."""
    bits = x.view(np.int32)
    top = np.int32(0)
    for i in range(bits.shape[0]):
        top = max(top, bits[i] & np.int32(0x7FFFFFFF))
    return np.int32(top).view(np.float32)


@inlined
def _could_exceed(x: Any, scratch: Any, ceiling: Any) -> bool:
    """Tell whether a parabola through the samples of `x` may pass the ceiling.

    A vertex within half a sample lies at most an eighth of the second difference off its sample.
    """
    before, now, after = x[:-2], x[1:-1], x[2:]
    bends = scratch[: now.shape[0]]
    for i in range(bends.shape[0]):
        bends[i] = before[i] - np.float32(2.0) * now[i] + after[i]
    near = _largest_magnitude(now)
    return near + np.float32(0.125) * _largest_magnitude(bends) > ceiling


@inlined
def _vertex(before: Any, now: Any, after: Any) -> Any:
    """Height of the parabola through three samples, or the middle one where it peaks elsewhere."""
    half = np.float32(0.5)
    slope = half * (after - before)
    bend = after - np.float32(2.0) * now + before
    inside = abs(slope) <= half * abs(bend)
    rise = half * slope * slope / (bend if bend != 0.0 else np.float32(1.0))
    return now - (rise if inside else np.float32(0.0))


@inlined
def _wave_peak(x: Any, scratch: Any) -> Any:
    """Largest |wave| from half a sample before x[3] to half a sample after x[-4].

    Midpoints first, by the six-point Lagrange formula: at 384 kHz parabolas are good to 0.002 dB.
    """
    count = x.shape[0] - 6
    # middles[i] lies between x[i + 2] and x[i + 3].
    middles = scratch[: count + 1]
    for i in range(count + 1):
        near, next_, far = x[i + 2] + x[i + 3], x[i + 1] + x[i + 4], x[i] + x[i + 5]
        middles[i] = _NEAR * near - _NEXT * next_ + _FAR * far
    peaks = scratch[count + 1 : 3 * count + 2]
    for i in range(count):
        peaks[i] = _vertex(middles[i], x[i + 3], middles[i + 1])
    for i in range(count + 1):
        peaks[count + i] = _vertex(x[i + 2], middles[i], x[i + 3])
    return _largest_magnitude(peaks)


@inlined
def _judge(line: Any, at: int, ceiling: Any, scratch: Any, allowed: Any) -> None:
    """Find the largest gain of each group of the step at `at` that keeps the wave below.

    A group answers for one sample more on either side: the gain between two groups obeys both.
    """
    allowed[:] = 1.0
    for c in range(line.shape[0]):
        if not _could_exceed(line[c, at - 2 : at + STEP + 2], scratch, ceiling):
            continue
        for g in range(_GROUPS):
            first = at + g * GROUP_SAMPLES
            around = line[c, first - 4 : first + GROUP_SAMPLES + 4]
            if not _could_exceed(around[2:-2], scratch, ceiling):
                continue
            peak = _wave_peak(around, scratch)
            if peak > ceiling:
                allowed[g] = min(allowed[g], np.float64(ceiling) / np.float64(peak))


@inlined
def _apply(x: Any, control: Any, spline: Any, out: Any) -> None:
    """Write STEP samples of `x` times the spline through `control` to `out`."""
    s0, s1, s2, s3 = spline[0], spline[1], spline[2], spline[3]
    for g in range(_GROUPS):
        c0, c1, c2, c3 = control[g], control[g + 1], control[g + 2], control[g + 3]
        source = x[g * GROUP_SAMPLES : (g + 1) * GROUP_SAMPLES]
        target = out[g * GROUP_SAMPLES : (g + 1) * GROUP_SAMPLES]
        for i in range(GROUP_SAMPLES):
            target[i] = source[i] * (c0 * s0[i] + c1 * s1[i] + c2 * s2[i] + c3 * s3[i])


@kernel(
    types.void(PLANES_IN, F32, PATH, types.Tuple((PLANES, PLANES_IN, ROW, ROW)), COUNTS, PLANES),
    # Fused multiply-adds only; tests/dsp/coder/test_ceiling.py holds the result to the ceiling.
    fastmath=frozenset({"contract"}),
)
def hold_ceiling(planes, ceiling, path, buffers, counts, out):
    """Write the held `planes` (lines, n) to `out`; n is a whole number of steps.

    `path` = the arrays of a GainPath; `buffers` = (past (lines, p), spline (4, 32), control points
    (3 + 8,), scratch); `counts` = [steps, steps with a gain below one].
    """
    past, spline, control, scratch = buffers
    fir, rates, allowed, eased, envelope = path
    lines, n = planes.shape
    held = past.shape[1]
    line = np.empty((lines, held + n), np.float32)
    line[:, :held] = past
    line[:, held:] = planes
    allowed_new, fresh = np.empty(_GROUPS), np.empty(_GROUPS)
    for start in range(0, n, STEP):
        at = held + start - _WAIT
        oldest = at - (fir.shape[0] + SPLINE - 2) * GROUP_SAMPLES
        _judge(line, at, ceiling, scratch, allowed_new)
        counts[0] += 1
        if is_idle(allowed_new, allowed, eased, envelope):
            control[:] = 1.0
            out[:, start : start + STEP] = line[:, oldest : oldest + STEP]
            continue
        counts[1] += 1
        advance_gain(allowed_new, (fir, rates, allowed, eased, envelope), fresh)
        control[:3] = control[_GROUPS:].copy()
        for j in range(_GROUPS):
            control[j + 3] = fresh[j]
        for c in range(lines):
            _apply(line[c, oldest : oldest + STEP], control, spline, out[c, start : start + STEP])
    past[:] = line[:, n:]


def spline_weights() -> npt.NDArray[np.float32]:
    """Cubic B-spline weights, shape (4, 32): control point, sample of the group."""
    u = np.arange(GROUP_SAMPLES) / GROUP_SAMPLES
    table = [
        (1 - u) ** 3,
        3 * u**3 - 6 * u**2 + 4,
        -3 * u**3 + 3 * u**2 + 3 * u + 1,
        u**3,
    ]
    return np.ascontiguousarray(np.array(table) / 6.0, dtype=np.float32)


class Ceiling:
    """Holds the waves of one or two lines at 192 kHz to ±1, with one gain for both.

    Parameters
    ----------
    lines
        1 (mono) or 2 (left and right).
    look_ahead_s, release_s
        How early the gain begins to fall, and the time constants of its fast and slow recovery.

    Attributes
    ----------
    steps, steps_limited
        How many steps of 256 samples went through, and how many met a gain below one.
    """

    def __init__(
        self,
        lines: int,
        *,
        look_ahead_s: float = 0.003,
        release_s: tuple[float, float] = (0.06, 0.5),
    ) -> None:
        ready(hold_ceiling)
        self.lines = lines
        self._path = make_gain_path(AUDIO_RATE_HZ, look_ahead_s=look_ahead_s, release_s=release_s)
        self.delay_samples = _WAIT + self._path.lag_groups * GROUP_SAMPLES
        self._ceiling = np.float32(10.0 ** (-MARGIN_DB / 20.0))
        self._buffers = (
            np.zeros((lines, self.delay_samples + _WAIT), np.float32),
            spline_weights(),
            np.ones(_GROUPS + SPLINE - 1, np.float32),
            np.zeros(STEP + 8, np.float32),
        )
        self._counts = np.zeros(2, np.int64)

    @property
    def steps(self) -> int:
        """Steps that went through."""
        return int(self._counts[0])

    @property
    def steps_limited(self) -> int:
        """Steps whose gain was not one."""
        return int(self._counts[1])

    def process(self, planes: Planes) -> Planes:
        """Return (lines, n), late by `delay_samples`; n must be a multiple of 256."""
        if planes.shape[0] != self.lines or planes.shape[1] % STEP:
            raise BlockContractError(
                "planes.shape", f"({self.lines}, a multiple of {STEP})", str(planes.shape)
            )
        out = np.empty_like(planes)
        hold_ceiling(planes, self._ceiling, self._path.arrays, self._buffers, self._counts, out)
        return out

    def reset(self) -> None:
        """Forget the stream and the counts."""
        self._path.reset()
        past, _, control, _ = self._buffers
        past[:] = 0.0
        control[:] = 1.0
        self._counts[:] = 0
