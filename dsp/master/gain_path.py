"""From "the gain each short group of samples may have at most" to a smooth gain that never exceeds it.

Works on groups of 8 samples (1/6 ms at 48 kHz). Allowed gain r -> window minimum over `reach` groups
-> release -> FIR smoothing -> control points of a cubic B-spline (evaluated by the caller per sample).
Every step keeps the promise: the minimum reaches as far as the smoothing and the spline together, and
all weights are positive and sum to one, so the spline over group j stays at or below r[j].

Release has two speeds: it rises fast to a slow average of the gain, and slowly from there. A single
click recovers in tens of milliseconds; steady limiting does not pump.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined

GROUP = 8
SPLINE = 4  # control points that shape one group
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
        Past allowed gains, past released gains, [released gain, slow average]: float64 state.
    lag_groups
        A group's gain is known when this many later groups have been given.
    """

    fir: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    allowed: npt.NDArray[np.float64]
    eased: npt.NDArray[np.float64]
    envelope: npt.NDArray[np.float64]
    lag_groups: int

    def reset(self) -> None:
        """Forget the stream: every gain was one."""
        self.allowed[:] = 1.0
        self.eased[:] = 1.0
        self.envelope[:] = 1.0


def make_gain_path(
    sample_rate_hz: int, *, look_ahead_s: float, release_s: tuple[float, float]
) -> GainPath:
    """Build a gain path whose gain is known about `look_ahead_s` after the sample."""
    group_hz = sample_rate_hz / GROUP
    smoothing = max(2, round(look_ahead_s * group_hz) - 2)
    fast_s, slow_s = release_s
    raised = np.sin(np.pi * (np.arange(smoothing) + 0.5) / smoothing) ** 2
    step = [1.0 - math.exp(-1.0 / (tau_s * group_hz)) for tau_s in (fast_s, slow_s, slow_s, 0.15)]
    reach = smoothing + SPLINE - 1
    return GainPath(
        fir=raised / raised.sum(),
        rates=np.array(step),
        allowed=np.ones(reach - 1),
        eased=np.ones(smoothing - 1),
        envelope=np.ones(2),
        lag_groups=smoothing + SPLINE - 2,
    )


@inlined
def is_idle(allowed_new, allowed, eased, envelope):
    """Tell whether no gain other than one is under way."""
    if envelope[0] != 1.0 or envelope[1] != 1.0:
        return False
    lowest = 1.0
    for j in range(allowed_new.shape[0]):
        lowest = min(lowest, allowed_new[j])
    for j in range(allowed.shape[0]):
        lowest = min(lowest, allowed[j])
    for j in range(eased.shape[0]):
        lowest = min(lowest, eased[j])
    return lowest == 1.0


@inlined
def advance_gain(allowed_new, fir, rates, allowed, eased, envelope, control):
    """Turn the next allowed gains into as many control points; carry the state arrays."""
    count = allowed_new.shape[0]
    held = allowed.shape[0]
    kept = eased.shape[0]
    line = np.empty(held + count)
    line[:held] = allowed
    line[held:] = allowed_new
    smooth = np.empty(kept + count)
    smooth[:kept] = eased
    gain, slow = envelope[0], envelope[1]
    for j in range(count):
        wanted = line[j]
        for i in range(1, held + 1):
            wanted = min(wanted, line[j + i])
        risen = gain + rates[0] * max(0.0, slow - gain) + rates[1] * (1.0 - gain)
        gain = min(wanted, risen)
        slow += (rates[3] if gain < slow else rates[2]) * (gain - slow)
        if gain > _IDLE and wanted == 1.0:
            gain = 1.0
        if slow > _IDLE and gain == 1.0:
            slow = 1.0
        smooth[kept + j] = gain
    for j in range(count):
        total = 0.0
        for i in range(kept + 1):
            total += fir[i] * smooth[j + i]
        control[j] = total
    allowed[:] = line[count:]
    eased[:] = smooth[count:]
    envelope[0] = gain
    envelope[1] = slow


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
