"""From the composite of one station to everything that is linear in it, by one FFT per 25 ms.

In: composite float32 at 288 kHz, 1.0 = 100 kHz, carrier offset still in. Out, ten hops at a time:
the filtered composite, L + R and the complex L - R at 48 kHz (de-emphasised), the pilot and RDS
phasors of each hop, and its power spectrum under a Hann window.

The Hann window is applied to the bins: a window 1/2 - 1/2 cos is X[k]/2 - (X[k-1] + X[k+1])/4.
Without it the leakage of a 6.75 kHz pilot would bury the noise that must be measured beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from numba import types

from dsp.kernel import inlined, kernel, ready
from dsp.receive import composite_filter
from dsp.receive.grid import (
    AHEAD,
    AUDIO_BACK,
    AUDIO_HOP,
    AUDIO_SEGMENT,
    BACK,
    BATCH,
    BIN_HZ,
    BINS,
    HOP,
    HOPS,
    PILOT_BIN,
    RDS_BIN,
    SEGMENT,
    SUBCARRIER_BIN,
    bin_of,
)

RDS_REACH = bin_of(2_450.0)
_USED = bin_of(composite_filter.COMPOSITE_STOP_HZ) + 1

_SPECTRA = types.Array(types.complex64, 2, "C", readonly=True)
_COMPLEX_ROWS = types.Array(types.complex64, 2, "C")
_COMPLEX_ROW = types.Array(types.complex64, 1, "C", readonly=True)
_GAINS = types.Array(types.float32, 1, "C", readonly=True)
_POWERS = types.Array(types.float32, 2, "C")
_PHASORS = types.Array(types.complex128, 1, "C")
_SUMS = types.Array(types.float64, 1, "C")


@inlined
def _hann(spectrum: Any, k: Any) -> Any:
    """Bin `k` of the same hop under a Hann window."""
    return np.float32(0.5) * spectrum[k] - np.float32(0.25) * (spectrum[k - 1] + spectrum[k + 1])


@kernel(types.void(_SPECTRA, _GAINS, _COMPLEX_ROWS), fastmath=frozenset({"contract"}))
def filter_bins(spectra: Any, gains: Any, out: Any) -> None:
    """Write `spectra` times real `gains` to the first len(gains) bins of `out` (hops, BINS)."""
    for h in range(spectra.shape[0]):
        source, target = spectra[h], out[h]
        for k in range(gains.shape[0]):
            target[k] = gains[k] * source[k]


@kernel(types.void(_SPECTRA, types.int64, _COMPLEX_ROW, _COMPLEX_ROWS))
def shift_bins(spectra: Any, centre: Any, response: Any, out: Any) -> None:
    """Write bins around `centre` times `response` to `out`, in the order of an inverse FFT.

    With `centre` 0 only the upper half is written, for a real inverse FFT.
    """
    lower = 0 if centre == 0 else response.shape[0] // 2
    upper = response.shape[0] - lower
    for h in range(spectra.shape[0]):
        source, target = spectra[h], out[h]
        for k in range(upper):
            target[k] = source[centre + k] * response[k]
        for k in range(lower):
            target[upper + k] = source[centre - lower + k] * response[upper + k]


@kernel(types.void(_SPECTRA, _POWERS, _SUMS), fastmath=frozenset({"contract"}))
def hann_powers(spectra: Any, powers: Any, total: Any) -> None:
    """Write |X|² under a Hann window to `powers` (hops, BINS), and its sum over hops to `total`.

    Both outermost bins are 0.
    """
    total[:] = 0.0
    last = spectra.shape[1] - 1
    for h in range(spectra.shape[0]):
        source, target = spectra[h], powers[h]
        target[0] = np.float32(0.0)
        target[last] = np.float32(0.0)
        for k in range(1, last):
            re = np.float32(0.5) * source[k].real - np.float32(0.25) * (
                source[k - 1].real + source[k + 1].real
            )
            im = np.float32(0.5) * source[k].imag - np.float32(0.25) * (
                source[k - 1].imag + source[k + 1].imag
            )
            target[k] = re * re + im * im
            total[k] += target[k]


@kernel(types.void(_SPECTRA, types.int64, types.int64, types.int64, _PHASORS, _PHASORS))
def read_phasors(spectra: Any, pilot: Any, rds: Any, reach: Any, pilots: Any, squares: Any) -> None:
    """Write the pilot's bin and the sum of products of RDS bins mirrored about 57 kHz, per hop.

    The mean of z² over time is the sum of X[57k + d] X[57k - d]: a suppressed carrier with real
    modulation leaves twice its phase, whatever the data.
    """
    for h in range(spectra.shape[0]):
        source = spectra[h]
        pilots[h] = np.complex128(_hann(source, pilot))
        centre = np.complex128(_hann(source, rds))
        total = centre * centre
        for d in range(1, reach + 1):
            upper = np.complex128(_hann(source, rds + d))
            lower = np.complex128(_hann(source, rds - d))
            total += 2.0 * upper * lower
        squares[h] = total


class CompositeBank:
    """Filters and transforms batches of ten hops.

    Attributes
    ----------
    composite
        float32 (HOPS, SEGMENT): filtered composite; columns BACK … BACK + HOP - 1 are the hop, and
        at least 50 samples to either side are right as well.
    middle
        float32 (HOPS, AUDIO_HOP): L + R over 2 at 48 kHz, in units of composite.
    side
        complex64 (HOPS, AUDIO_HOP): analytic L - R over 2 around 38 kHz.
    pilots, rds_squares
        complex128 (HOPS,): phasors at the middle of the segment (see `read_phasors`).
    powers
        float32 (HOPS, BINS): |X|² under a Hann window.
    total
        float64 (BINS,): their sum over the hops.
    """

    def __init__(self, *, de_emphasis_us: float, phase_step: bool = False) -> None:
        ready(filter_bins, shift_bins, hann_powers, read_phasors)
        self.response = composite_filter.composite_response(phase_step=phase_step)
        self._gains = np.ascontiguousarray(self.response[:_USED])
        self._middle = composite_filter.middle_response(de_emphasis_us, phase_step=phase_step)
        self._side = composite_filter.side_response(de_emphasis_us, phase_step=phase_step)
        self._filtered = np.zeros((HOPS, BINS), np.complex64)
        self._middle_bins = np.zeros((HOPS, AUDIO_SEGMENT // 2 + 1), np.complex64)
        self._side_bins = np.zeros((HOPS, AUDIO_SEGMENT), np.complex64)
        self.pilots = np.zeros(HOPS, np.complex128)
        self.rds_squares = np.zeros(HOPS, np.complex128)
        self.powers = np.zeros((HOPS, BINS), np.float32)
        self.total = np.zeros(BINS)
        self.composite = np.zeros((HOPS, SEGMENT), np.float32)
        self.middle = np.zeros((HOPS, AUDIO_HOP), np.float32)
        self.side = np.zeros((HOPS, AUDIO_HOP), np.complex64)

    def measure(self, samples: npt.NDArray[np.float32]) -> None:
        """Take a batch, (BACK + BATCH + AHEAD,): the past, ten hops, the future.

        The transforms allocate their results; everything else is written in place.
        """
        assert samples.shape == (BACK + BATCH + AHEAD,)
        step = samples.strides[0]
        segments = np.lib.stride_tricks.as_strided(
            samples, (HOPS, SEGMENT), (HOP * step, step), writeable=False
        )
        spectra = scipy.fft.rfft(segments, axis=1)
        filter_bins(spectra, self._gains, self._filtered)
        shift_bins(spectra, 0, self._middle, self._middle_bins)
        shift_bins(spectra, SUBCARRIER_BIN, self._side, self._side_bins)
        hann_powers(spectra, self.powers, self.total)
        read_phasors(spectra, PILOT_BIN, RDS_BIN, RDS_REACH, self.pilots, self.rds_squares)
        self.composite = scipy.fft.irfft(self._filtered, n=SEGMENT, axis=1)
        cut = slice(AUDIO_BACK, AUDIO_BACK + AUDIO_HOP)
        middle = scipy.fft.irfft(self._middle_bins, n=AUDIO_SEGMENT, axis=1)
        np.copyto(self.middle, middle[:, cut])
        np.copyto(self.side, scipy.fft.ifft(self._side_bins, axis=1)[:, cut])


def density_scale() -> float:
    """Turn a mean of `powers` into Hz² per Hz, one-sided: 2 / (rate · sum of the window squared).

    The window 1/2 - 1/2 cos has a mean square of 3/8; 1.0 is 100 kHz.
    """
    return 2.0 * 1e10 / (SEGMENT * BIN_HZ * SEGMENT * 0.375)
