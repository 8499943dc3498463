"""Power spectra of the capture from the transforms that the channels need anyway.

A window is a multiplication in time, so a convolution in frequency: Hann's is
Z(k)/2 - Z(k-1)/4 - Z(k+1)/4, at the cost of a few additions per bin. A frame is the mean and the
peak over the sixteen blocks of one step; there are about five a second. Power 1.0 in a bin is a
carrier at full scale on that bin; noise is counted 1.5 bins wide (`NOISE_BINS`).

The line at the very centre is mostly the receiver's own DC. What of it stands still over a frame
is taken out of the mean and stated beside it, so that it neither hides nor invents a station.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.kernel import kernel, ready
from dsp.lanes import LANES, lane_max, lane_sum, load, splat
from dsp.receive.front.channel_plan import ROWS, BankPlan
from dsp.receive.front.lane_transform import PLANE

FRAMES_PER_S = 5
NOISE_BINS = 1.5
_KEPT_FRAMES = 50


@kernel(
    types.void(
        PLANE, PLANE, types.Array(types.int64, 1, "C", readonly=True), types.float32, PLANE, PLANE
    ),
    # Fused multiply-adds only; tests/dsp/receive/front/test_spectrum.py holds it to a float64 twin.
    fastmath=frozenset({"contract"}),
)
def hann_powers(re, im, rows, scale, mean, peak):
    """Write mean and peak over the blocks of the power in every bin, as through Hann's window.

    `rows` (n + 2,) are the places of the bins before, of and after those of `mean` (n,).
    """
    half = splat(np.float32(0.5))
    a0, b0 = load(re, rows[0]), load(im, rows[0])
    a1, b1 = load(re, rows[1]), load(im, rows[1])
    for k in range(mean.shape[0]):
        a2, b2 = load(re, rows[k + 2]), load(im, rows[k + 2])
        x, y = a1 - half * (a0 + a2), b1 - half * (b0 + b2)
        power = x * x + y * y
        mean[k] = lane_sum(power) * scale / np.float32(LANES)
        peak[k] = lane_max(power) * scale
        a0, b0, a1, b1 = a1, b1, a2, b2


@dataclass(frozen=True)
class SpectrumFrame:
    """Power per bin over a stretch of the capture, from -rate/2 upwards; index block/2 is DC.

    `index` is the first capture sample, `samples` the length; `mean` and `peak` are over sixteen
    transforms; `centre_power` is the line at DC that was taken out of `mean`.
    """

    index: int
    samples: int
    bin_hz: float
    mean: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]
    centre_power: float


class SpectrumTally:
    """Makes frames; the oldest is dropped where nobody takes them for ten seconds."""

    def __init__(self, plan: BankPlan, places: npt.NDArray[np.int64]) -> None:
        """Make ready; `places` are the rows of the transform by frequency."""
        ready(hann_powers)
        self._plan = plan
        self._every = max(1, round(plan.rate_hz / FRAMES_PER_S / (ROWS * plan.hop)))
        block = plan.block
        bins = np.arange(-(block // 2) - 1, block - block // 2 + 1) % block
        self._rows = LANES * places[bins]
        self._centre = LANES * places[0]
        self.reset()

    def reset(self) -> None:
        """Forget the capture."""
        self.frames: deque[SpectrumFrame] = deque(maxlen=_KEPT_FRAMES)

    def add(
        self,
        step: int,
        re: npt.NDArray[np.float32],
        im: npt.NDArray[np.float32],
        full_scale: float,
    ) -> None:
        """Make a frame of `step` if it is its turn."""
        if step % self._every:
            return
        plan = self._plan
        mean, peak = np.empty(plan.block, np.float32), np.empty(plan.block, np.float32)
        scale = (full_scale * plan.block) ** -2
        hann_powers(re, im, self._rows, np.float32(scale), mean, peak)
        lanes = slice(self._centre, self._centre + LANES)
        line = scale * (float(re[lanes].mean()) ** 2 + float(im[lanes].mean()) ** 2)
        for away, share in ((-1, 0.25), (0, 1.0), (1, 0.25)):
            place = plan.block // 2 + away
            mean[place] = max(mean[place] - share * line, 0.0)
        hop = ROWS * plan.hop
        self.frames.append(SpectrumFrame(step * hop, hop, plan.bin_hz, mean, peak, line))
