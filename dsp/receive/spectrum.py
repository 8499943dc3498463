"""Power spectra of the capture from the transforms that the channels need anyway.

A window is a multiplication in time, so a convolution in frequency: Hann's is
Z(k)/2 - Z(k-1)/4 - Z(k+1)/4, at the cost of a few additions per bin. A frame is the mean and the
peak over some rows of a tenth of a second. Power 1.0 in a bin is a carrier at full scale on that
bin; noise is counted 1.5 bins wide (`NOISE_BINS`).

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

FRAMES_PER_S = 10
NOISE_BINS = 1.5
_KEPT_FRAMES = 50
_ROW_STRIDE = 4

C64 = types.complex64
F32 = types.float32
POWERS = types.Array(F32, 1, "C")


@kernel(
    types.void(types.Array(C64, 1, "C", readonly=True), F32, POWERS, POWERS),
    # Fused multiply-adds only; tests/dsp/receive/test_spectrum.py holds it to a float64 twin.
    fastmath=frozenset({"contract"}),
)
def add_hann_powers(bins, scale, total, peak):
    """Add the power of every bin, as through Hann's window, to `total` and hold it in `peak`."""
    block = bins.shape[0]
    for k in range(1, block - 1):
        x = bins[k].real - np.float32(0.5) * (bins[k - 1].real + bins[k + 1].real)
        y = bins[k].imag - np.float32(0.5) * (bins[k - 1].imag + bins[k + 1].imag)
        power = scale * (x * x + y * y)
        total[k] += power
        peak[k] = max(peak[k], power)
    for k in (0, block - 1):
        z = bins[k] - np.float32(0.5) * (bins[k - 1] + bins[(k + 1) % block])
        power = scale * (z.real * z.real + z.imag * z.imag)
        total[k] += power
        peak[k] = max(peak[k], power)


@dataclass(frozen=True)
class SpectrumFrame:
    """Power per bin over a stretch of the capture, from -rate/2 upwards; index block/2 is DC.

    `index` is the first capture sample, `samples` the length; `mean` and `peak` are over `rows`
    transforms; `centre_power` is the line at DC that was taken out of `mean`.
    """

    index: int
    samples: int
    rows: int
    bin_hz: float
    mean: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]
    centre_power: float


class SpectrumTally:
    """Gathers frames; the oldest is dropped where nobody takes them for five seconds."""

    def __init__(self, rate_hz: int, block: int) -> None:
        """Make room for one frame."""
        ready(add_hann_powers)
        self._rate_hz = rate_hz
        self._block = block
        self._total = np.zeros(block, np.float32)
        self._peak = np.zeros(block, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the capture."""
        self.frames: deque[SpectrumFrame] = deque(maxlen=_KEPT_FRAMES)
        self._start: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._total[:] = 0.0
        self._peak[:] = 0.0
        self._rows = 0
        self._centre = 0j

    def add(
        self, index: int, samples: int, bins: npt.NDArray[np.complex64], full_scale: float
    ) -> None:
        """Take some rows of `bins` (rows, block), which cover `samples` from `index` on."""
        if self._start is None:
            self._start = index
        scale = np.float32((full_scale * self._block) ** -2)
        for row in bins[::_ROW_STRIDE]:
            add_hann_powers(row, scale, self._total, self._peak)
            self._centre += complex(row[0]) / (full_scale * self._block)
            self._rows += 1
        end = index + samples
        if (end - self._start) * FRAMES_PER_S >= self._rate_hz:
            self.frames.append(self._frame(end))
            self._start = None
            self._clear()

    def _frame(self, end: int) -> SpectrumFrame:
        assert self._start is not None
        mean = self._total / np.float32(self._rows)
        line = abs(self._centre / self._rows) ** 2
        for place, share in ((0, 1.0), (1, 0.25), (-1, 0.25)):
            mean[place] = max(mean[place] - share * line, 0.0)
        return SpectrumFrame(
            index=self._start,
            samples=end - self._start,
            rows=self._rows,
            bin_hz=self._rate_hz / self._block,
            mean=np.fft.fftshift(mean),
            peak=np.fft.fftshift(self._peak),
            centre_power=line,
        )
