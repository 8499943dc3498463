"""A first look at a capture: its mean spectrum and the carriers in it, before any is received.

Which channel filter a station may have depends on its neighbours, whether anybody named them or
not. The receiver's own DC, a line at the centre that stands still, is taken out: a bare carrier at
exactly the centre of a capture cannot be told from it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.contract import require_samples
from dsp.receive.front.carrier_search import Candidate, find_carriers

_BIN_HZ = 600.0
_HANN_NOISE_BINS = 1.5
_BATCH = 32


class Survey:
    """Gathers the mean power spectrum of a capture at `rate_hz`, piece by piece.

    Transforms lie end to end within a piece; what is left at its end is not counted.
    """

    def __init__(self, rate_hz: int, full_scale: float) -> None:
        """Begin with nothing; `full_scale` is that of the samples (127.5 for uint8)."""
        self.rate_hz = rate_hz
        self.points = 1 << max(round(np.log2(rate_hz / _BIN_HZ)), 8)
        self.bin_hz = rate_hz / self.points
        window = np.hanning(self.points + 1)[:-1]
        self._window = (window / window.sum() / full_scale).astype(np.float32)
        self._total = np.zeros(self.points)
        self._centre = 0j
        self._rows = 0

    def add(self, samples: npt.NDArray[np.uint8] | npt.NDArray[np.complex64]) -> None:
        """Take uint8 (2n,) or complex64 (n,); raises BlockContractError for others."""
        require_samples(samples, np.uint8, np.complex64)
        unit = 2 if samples.dtype == np.uint8 else 1
        rows = len(samples) // (unit * self.points)
        for first in range(0, rows, _BATCH):
            last = min(first + _BATCH, rows)
            piece = samples[unit * self.points * first : unit * self.points * last]
            self._add_rows(_as_complex(piece).reshape(-1, self.points))

    @property
    def seconds(self) -> float:
        """Length of signal in the mean."""
        return self._rows * self.points / self.rate_hz

    def powers(self) -> npt.NDArray[np.float64]:
        """Return the mean power per bin, 1.0 = a carrier at full scale, rising from -rate/2."""
        mean = self._total / max(self._rows, 1)
        line = abs(self._centre / max(self._rows, 1)) ** 2
        for place, share in ((0, 1.0), (1, 0.25), (-1, 0.25)):
            mean[place] = max(mean[place] - share * line, 0.0)
        # The middle bins keep a chance residue of the line: their neighbours speak for them.
        mean[[0, 1, -1]] = np.minimum(mean[[0, 1, -1]], np.median(mean[[2, 3, -2, -3]]))
        return scipy.fft.fftshift(mean)

    def carriers(self) -> list[Candidate]:
        """Return the candidates in rising frequency; none before a transform was done."""
        if not self._rows:
            return []
        return find_carriers(self.powers(), self.bin_hz, _HANN_NOISE_BINS)

    def _add_rows(self, rows: npt.NDArray[np.complex64]) -> None:
        bins = scipy.fft.fft(rows * self._window, axis=1)
        self._total += np.square(bins.real).sum(axis=0) + np.square(bins.imag).sum(axis=0)
        self._centre += complex(bins[:, 0].sum())
        self._rows += len(rows)


def _as_complex(
    piece: npt.NDArray[np.uint8] | npt.NDArray[np.complex64],
) -> npt.NDArray[np.complex64]:
    if piece.dtype == np.complex64:
        return piece.astype(np.complex64, copy=False)
    middled = piece.real.astype(np.float32)
    middled -= np.float32(127.5)
    return middled.view(np.complex64)
