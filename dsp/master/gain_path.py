"""From "the gain each short group of samples may have at most" to a smooth gain not above it.

Works on groups of 8 samples (1/6 ms at 48 kHz). Allowed gain r -> window minimum over `reach`
groups -> release -> FIR smoothing -> control points of a cubic B-spline (evaluated by the caller
per sample). Every step keeps the promise: the minimum reaches as far as the smoothing and the
spline together, and all weights are positive and sum to one, so the spline over group j stays at or
below r[j].

Release has two speeds: it rises fast to a slow average of the gain, and slowly from there. A click
20 dB over is back within 3 dB after 0.1 s; steady limiting neither pumps nor follows the wave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined

Array = npt.NDArray[Any]

GROUP = 8
SPLINE = 4  # control points that shape one group
STEP_GROUPS = 8  # groups that one decision is about
_IDLE = 1.0 - 1e-5  # a gain this near to one is one: a step of -100 dB, smoothed like any other


@dataclass
class GainPath:
    """The constants and the state of one gain path.

    Attributes
    ----------
    fir
        Positive smoothing weights that sum to one, float64.
    rates
        Fast release, slow release, rise and fall of the slow average; per group, float64.
    allowed, eased, envelope
        Past allowed gains, past released gains, both with room behind them for new ones;
        [released gain, slow average]: float64 state.
    lag_groups
        A group's gain is known when this many later groups have been given.
    """

    fir: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    allowed: npt.NDArray[np.float64]
    eased: npt.NDArray[np.float64]
    envelope: npt.NDArray[np.float64]
    lag_groups: int

    @property
    def arrays(self) -> tuple[npt.NDArray[np.float64], ...]:
        """The arrays as the kernels take them."""
        return (self.fir, self.rates, self.allowed, self.eased, self.envelope)

    def reset(self) -> None:
        """Forget the stream: every gain was one."""
        self.allowed[:] = 1.0
        self.eased[:] = 1.0
        self.envelope[:] = 1.0


def make_gain_path(
    sample_rate_hz: int,
    *,
    look_ahead_s: float,
    release_s: tuple[float, float],
    most_groups: int = STEP_GROUPS,
) -> GainPath:
    """Build a gain path whose gain is known about `look_ahead_s` after the sample.

    `most_groups` are worked on together at the most.
    """
    group_hz = sample_rate_hz / GROUP
    smoothing = max(2, round(look_ahead_s * group_hz) - 2)
    fast_s, slow_s = release_s
    raised = np.sin(np.pi * (np.arange(smoothing) + 0.5) / smoothing) ** 2
    step = [1.0 - math.exp(-1.0 / (tau_s * group_hz)) for tau_s in (fast_s, slow_s, slow_s, 0.15)]
    reach = smoothing + SPLINE - 1
    return GainPath(
        fir=raised / raised.sum(),
        rates=np.array(step),
        allowed=np.ones(reach - 1 + most_groups),
        eased=np.ones(smoothing - 1 + most_groups),
        envelope=np.ones(2),
        lag_groups=smoothing + SPLINE - 2,
    )


@inlined
def is_idle(allowed_new: Array, allowed: Array, eased: Array, envelope: Array) -> bool:
    """Tell whether no gain other than one is under way."""
    if envelope[0] != 1.0 or envelope[1] != 1.0:
        return False
    lowest = 1.0
    for j in range(allowed_new.shape[0]):
        lowest = min(lowest, allowed_new[j])
    # What stands behind the past are the newest of the last step, which belong to it too.
    for j in range(allowed.shape[0]):
        lowest = min(lowest, allowed[j])
    for j in range(eased.shape[0]):
        lowest = min(lowest, eased[j])
    return lowest == 1.0


@inlined
def _release(wanted: Array, rates: Array, envelope: Array) -> None:
    """Ease `wanted` in place: it falls at once and recovers at two speeds."""
    gain, slow = envelope[0], envelope[1]
    fast, slowly, rise, fall = rates[0], rates[1], rates[2], rates[3]
    keep = 1.0 - slowly
    for j in range(wanted.shape[0]):
        # Recovery to one, and a faster one up to the slow average: the larger of both.
        risen = slowly + gain * keep
        risen = max(risen, risen + fast * (slow - gain))
        gain = min(wanted[j], risen)
        slow += (fall if gain < slow else rise) * (gain - slow)
        if gain > _IDLE and wanted[j] == 1.0:
            gain = 1.0
            if slow > _IDLE:
                slow = 1.0
        wanted[j] = gain
    envelope[0] = gain
    envelope[1] = slow


@inlined
def advance_gain(allowed_new: Array, path: Any, control: Array) -> None:
    """Turn the next allowed gains (n,) into as many control points; `path` moves on."""
    fir, rates, allowed, eased, envelope = path
    count = allowed_new.shape[0]
    kept = fir.shape[0] - 1
    held = kept + SPLINE - 1
    for j in range(count):
        allowed[held + j] = allowed_new[j]
    # Side by side over the groups, one step back in time after the other: the compiler can
    # vectorise that, and not a search per group.
    wanted = eased[kept : kept + count]
    for j in range(count):
        wanted[j] = allowed[j]
    for i in range(1, held + 1):
        later = allowed[i : i + count]
        for j in range(count):
            wanted[j] = min(wanted[j], later[j])
    for i in range(held):
        allowed[i] = allowed[i + count]
    _release(wanted, rates, envelope)
    for j in range(count):
        control[j] = 0.0
    for i in range(kept + 1):
        weight = fir[i]
        shifted = eased[i : i + count]
        for j in range(count):
            control[j] += weight * shifted[j]
    for i in range(kept):
        eased[i] = eased[i + count]


def spline_weights() -> npt.NDArray[np.float32]:
    """Cubic B-spline weights, shape (4, 8): control point, sample of the group."""
    u = np.arange(GROUP) / GROUP
    table = [
        (1 - u) ** 3,
        3 * u**3 - 6 * u**2 + 4,
        -3 * u**3 + 3 * u**2 + 3 * u + 1,
        u**3,
    ]
    return np.ascontiguousarray(np.array(table) / 6.0, dtype=np.float32)
