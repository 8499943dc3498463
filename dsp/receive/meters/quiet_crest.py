"""The highest crests of a second, looked at again without the noise that lies between the signals.

Noise of a discriminator grows with frequency: most of what lifts a peak lies where the multiplex of
a speaker's voice has nothing, around 30 and 50 kHz. No filter may be set there, for a stereo
programme has its difference there; but whether it has, *at this crest*, the spectrum of these 27 ms
tells. So the few hops that hold the highest peaks are transformed once more; every bin whose
surroundings of 1.5 kHz hold no more than the noise that is expected there is left out, and the
crests are read again. A bin that is left out by mistake holds less signal than noise.

The ends of a hop's segment, where the circular filter has mixed its beginning and its end, are
tapered off: a jump between them would leak into the very gaps that are to be silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from numba import types

from dsp.fm.constants import FULL_SCALE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.grid import BACK, BIN_HZ, BINS, HOP, RATE_HZ, SEGMENT
from dsp.receive.meters.deviation_peaks import (
    HALF_BINS,
    HIGHEST,
    LOWEST,
    RUNS,
    crest_taps,
    measure_hops,
)

LOOKED_AT = 4
# Noise of so many sigmas below the highest peak cannot have hidden a higher one.
_REACH_SIGMAS = 5.0
_RIGHT = 50  # samples beside the hop that the bank has filtered rightly
# A box of 41 bins holds some 35 independent values: noise alone reads 1.0 ± 0.17 of itself.
_BOX = 41
_CLOSED, _OPEN = 1.3, 1.9

_SPECTRUM = types.Array(types.complex64, 1, "C")
_NOISE = types.Array(types.float64, 1, "C", readonly=True)
_POWERS = types.Array(types.float64, 1, "C")


@kernel(types.float64(_SPECTRUM, _NOISE, _POWERS))
def close_gates(spectrum: Any, noise: Any, powers: Any) -> Any:
    """Take from `spectrum` (n,) the bins that hold noise alone; return the share that is left.

    `noise` (n,) is the expected |X|² of noise; of its sum the returned share went through. `powers`
    (n,) is scratch.
    """
    n = spectrum.shape[0]
    for k in range(n):
        re, im = np.float64(spectrum[k].real), np.float64(spectrum[k].imag)
        powers[k] = re * re + im * im
    half = _BOX // 2
    above, below = 0.0, 0.0
    for k in range(half):
        above += powers[k]
        below += noise[k]
    left, whole = 0.0, 0.0
    for k in range(n):
        if k + half < n:
            above += powers[k + half]
            below += noise[k + half]
        if k - half - 1 >= 0:
            above -= powers[k - half - 1]
            below -= noise[k - half - 1]
        ratio = above / max(below, 1e-30)
        gate = min(max((ratio - _CLOSED) / (_OPEN - _CLOSED), 0.0), 1.0)
        spectrum[k] *= np.float32(gate)
        left += gate * gate * noise[k]
        whole += noise[k]
    return left / max(whole, 1e-30)


@dataclass(frozen=True)
class QuietSecond:
    """The highest crests of a second, quietened.

    Attributes
    ----------
    counts
        int32 (2, 4000): histogram of the hops looked at, as `DeviationPeaks.counts`.
    highest_hz
        Highest |deviation| from the carrier between the samples, noise included.
    sigma_hz
        The noise that is left on them.
    removed_hz
        The noise that was taken away, and perhaps some signal with it.
    """

    counts: npt.NDArray[np.int32]
    highest_hz: float
    sigma_hz: float
    removed_hz: float


class QuietCrests:
    """Reads the hops with the highest peaks of a second again.

    Parameters
    ----------
    response
        float32 (BINS,): gain of the measuring filter, which the rows have behind them.
    """

    def __init__(self, response: npt.NDArray[np.float32]) -> None:
        ready(close_gates, measure_hops)
        self._taper = _taper()
        frequency = np.arange(BINS) * BIN_HZ
        # |X|² of noise of N0 / C = 1: S(f) = f², one-sided, in units of 100 kHz.
        window = float(np.sum(np.square(self._taper, dtype=np.float64)))
        squares = np.square(frequency * response.astype(np.float64))
        self._noise = squares * (0.5 * RATE_HZ * window / FULL_SCALE_HZ**2)
        self._powers = np.zeros(BINS)
        self._taps = crest_taps()
        self._scratch = np.zeros((6, RUNS), np.float32)
        self._figures = np.zeros((LOOKED_AT, 4))
        self._runs = np.zeros((LOOKED_AT, RUNS))
        self._counts = np.zeros((2, 2 * HALF_BINS), np.int32)

    def read(
        self,
        composite: npt.NDArray[np.float32],
        hops: npt.NDArray[np.float64],
        n0_over_c: float,
        sigma_hz: float,
        offset_hz: float,
    ) -> QuietSecond:
        """Read the highest hops of `composite` (HOPS, SEGMENT) again.

        `hops` are their figures by `DeviationPeaks`, `sigma_hz` is the noise behind the measuring
        filter. The counts are valid until the next call.
        """
        middle = offset_hz / FULL_SCALE_HZ
        sizes = np.maximum(hops[:, HIGHEST] - middle, middle - hops[:, LOWEST])
        order = np.argsort(-sizes)[:LOOKED_AT]
        least = sizes[order[0]] - _REACH_SIGMAS * sigma_hz / FULL_SCALE_HZ
        looked_at = order[sizes[order] >= least]
        spectra = scipy.fft.rfft(composite[looked_at] * self._taper, axis=1)
        noise = self._noise * n0_over_c
        share = sum(close_gates(spectrum, noise, self._powers) for spectrum in spectra)
        quiet = scipy.fft.irfft(spectra, n=SEGMENT, axis=1)
        self._counts[:] = 0
        figures = self._figures[: len(looked_at)]
        measure_hops(
            quiet, self._taps, self._scratch, figures, self._runs[: len(looked_at)], self._counts
        )
        highest_hz = figures[:, HIGHEST].max() * FULL_SCALE_HZ - offset_hz
        lowest_hz = figures[:, LOWEST].min() * FULL_SCALE_HZ - offset_hz
        left = min(share / len(looked_at), 1.0)
        return QuietSecond(
            counts=self._counts,
            highest_hz=max(float(highest_hz), -float(lowest_hz)),
            sigma_hz=sigma_hz * math.sqrt(left),
            removed_hz=sigma_hz * math.sqrt(1.0 - left),
        )


def _taper() -> npt.NDArray[np.float32]:
    """Return a window (SEGMENT,): 1 over the hop and a little beside it, cosines to either end."""
    window = np.ones(SEGMENT)
    ahead = BACK - _RIGHT
    behind = SEGMENT - BACK - HOP - _RIGHT
    window[:ahead] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ahead) + 0.5) / ahead)
    window[-behind:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(behind) + 0.5) / behind)
    return window.astype(np.float32)
