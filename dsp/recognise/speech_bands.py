"""Sound in, powers of 16 speech bands every 20 ms out.

Decimation to 8 kHz (a symmetric FIR whose delay is taken out), then one Hann-windowed spectrum a
frame. Frame t is centred on t · 20 ms of the stream; before its first sample the stream is taken to
be silent.

Spectra are computed in sixteens, empty rows included: the library's transforms of several
rows at once round differently from a row alone, and the prints must not depend on how the stream
was cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.contract import Samples, require_samples
from dsp.kernel import kernel, ready
from dsp.kernel_types import Array, float32, int64, void
from dsp.recognise.grid import BANDS, FRAME, RATE_HZ, WINDOW, band_weights

_IN = Array(float32, 1, "C", readonly=True)
_OUT = Array(float32, 1, "C")
_ROWS_IN = Array(float32, 2, "C", readonly=True)
_ROWS = Array(float32, 2, "C")
_LIMITS = Array(int64, 2, "C", readonly=True)
_ROWS_AT_ONCE = 16  # at least, and a multiple of it
_MOST_ROWS = 256
_OUTPUTS_AT_ONCE = 64
_CONTRACT = frozenset({"contract"})
_ANY_ORDER = frozenset({"reassoc", "contract"})
_TAPS_PER_PHASE = 16
_HALF = WINDOW // 2


@kernel(void(_IN, _IN, int64, _ROWS, _OUT), fastmath=_CONTRACT)
def decimate(samples: Any, taps: Any, factor: Any, phases: Any, out: Any) -> None:
    """Write every `factor`-th filtered one of `samples` to `out` (n,), n a multiple of 64.

    `samples` has n · factor + taps values at least; `phases` (factor, n + taps) is memory to work
    in. Sixty-four outputs go side by side: each is the same sum in the same order wherever it lies.
    """
    count = taps.shape[0]
    width = out.shape[0] + (count - 1) // factor + 1
    for p in range(factor):
        last = min(width, (samples.shape[0] - p + factor - 1) // factor)
        for n in range(last):
            phases[p, n] = samples[n * factor + p]
        for n in range(last, width):
            phases[p, n] = np.float32(0.0)
    sums = np.empty(_OUTPUTS_AT_ONCE, np.float32)
    for first in range(0, out.shape[0], _OUTPUTS_AT_ONCE):
        sums[:] = np.float32(0.0)
        for k in range(count):
            tap = taps[k]
            row = phases[k % factor, first + k // factor : first + k // factor + _OUTPUTS_AT_ONCE]
            for n in range(_OUTPUTS_AT_ONCE):
                sums[n] += tap * row[n]
        out[first : first + _OUTPUTS_AT_ONCE] = sums


# A sum of products in any order: the vector units need that. Its error is that of float32 over 40
# terms, 1e-6 (tests/dsp/recognise/test_speech_bands.py).
@kernel(void(_ROWS_IN, _ROWS_IN, _LIMITS, _ROWS), fastmath=_ANY_ORDER)
def sum_bands(spectra: Any, weights: Any, limits: Any, powers: Any) -> None:
    """Write weighted band powers of `spectra` (n, 2 · bins), re and im in turn, to `powers`.

    `weights` is (BANDS, bins), zero outside `limits` (BANDS, 2); `powers` (n, BANDS).
    """
    for row in range(powers.shape[0]):
        for band in range(limits.shape[0]):
            total = np.float32(0.0)
            for k in range(limits[band, 0], limits[band, 1]):
                re, im = spectra[row, 2 * k], spectra[row, 2 * k + 1]
                total += weights[band, k] * (re * re + im * im)
            powers[row, band] = total


def decimation_taps(factor: int) -> npt.NDArray[np.float32]:
    """Return the low-pass before decimation by `factor`; (1,) for 1.

    Flat to 3.4 kHz within 0.2 dB; what would fold into the speech band is 45 dB down.
    """
    if factor == 1:
        return np.ones(1, np.float32)
    count = _TAPS_PER_PHASE * factor + 1
    place = np.arange(count) - count // 2
    taps = np.sinc(place / factor) * np.kaiser(count, 4.0) / factor
    return np.asarray(taps / taps.sum(), np.float32)


class SpeechBands:
    """Powers of the speech bands of a stream, frame after frame.

    Parameters
    ----------
    rate_hz
        8, 16, 24, 32 or 48 kHz.
    """

    def __init__(self, rate_hz: int) -> None:
        if rate_hz not in (8_000, 16_000, 24_000, 32_000, 48_000):
            raise ValueError(f"rate_hz: expected 8, 16, 24, 32 or 48 kHz, got {rate_hz}")
        ready(decimate, sum_bands)
        self.rate_hz = rate_hz
        self._factor = rate_hz // RATE_HZ
        self._taps = decimation_taps(self._factor)
        weights = band_weights()
        used = weights > 0.0
        first, last = used.argmax(axis=0), len(used) - used[::-1].argmax(axis=0)
        self._limits = np.ascontiguousarray(np.stack([first, last], axis=1), np.int64)
        self._weights = np.ascontiguousarray(weights.T)
        self._window = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """As just built."""
        self._wide = np.zeros(len(self._taps) // 2, np.float32)
        self._narrow = np.zeros(_HALF, np.float32)

    def process(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Return the next frames (n, BANDS): powers of a Hann-windowed spectrum, full scale 1.0.

        Raises
        ------
        BlockContractError
            If `samples` is not finite float32 (n,); the state is untouched.
        """
        require_samples(samples, np.float32)
        narrow = self._decimated(samples)
        pending = np.concatenate([self._narrow, narrow])
        count = max(0, (len(pending) - WINDOW) // FRAME + 1)
        self._narrow = pending[count * FRAME :]
        powers = np.empty((count, BANDS), np.float32)
        for first in range(0, count, _MOST_ROWS):
            n = min(_MOST_ROWS, count - first)
            rows = np.zeros((-(-n // _ROWS_AT_ONCE) * _ROWS_AT_ONCE, WINDOW), np.float32)
            start = pending[first * FRAME :]
            view = np.lib.stride_tricks.as_strided(start, (n, WINDOW), (4 * FRAME, 4))
            np.multiply(view, self._window, out=rows[:n])
            spectra = scipy.fft.rfft(rows, axis=1).view(np.float32)
            sum_bands(spectra, self._weights, self._limits, powers[first : first + n])
        return powers

    def _decimated(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Return what the new samples give at 8 kHz."""
        if self._factor == 1:
            return samples
        pending = np.concatenate([self._wide, samples])
        count = max(0, (len(pending) - len(self._taps)) // self._factor + 1)
        padded = -(-count // _OUTPUTS_AT_ONCE) * _OUTPUTS_AT_ONCE
        out = np.empty(padded, np.float32)
        phases = np.empty((self._factor, padded + len(self._taps)), np.float32)
        decimate(pending, self._taps, self._factor, phases, out)
        self._wide = pending[count * self._factor :]
        return out[:count]
