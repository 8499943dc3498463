"""Seconds of two signals set beside each other: cross spectra without size, and their correlation.

Generalised cross-correlation (Knapp and Carter 1976): of every bin of a segment's cross spectrum
the phase counts (PHAT), weighted by how much of a voice is in it: bins between the harmonics hold
noise on one side at least. Only positive frequencies are summed, so the correlation has an
envelope: a path that inverts or turns all phases moves nothing, and the peak of the envelope is the
group delay. Peaks are 0.3 ms wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.align.speech_band import BAND_RATE_HZ, Band, band_weight

SEGMENT = 8192  # 1.024 s: longer ones smear when clocks differ, shorter ones know too little
MOST_SEGMENTS = 64
LAG_RATE_HZ = 2 * BAND_RATE_HZ
REACH = 1600  # lags kept on either side: 0.1 s
_SMOOTH_BINS = 205  # 200 Hz: wider than the harmonics of a voice are apart
_BINS = np.arange(SEGMENT // 2 + 1)
FREQUENCY_HZ = _BINS * (BAND_RATE_HZ / SEGMENT)
_BAND = band_weight(FREQUENCY_HZ).astype(np.float32)
IN_BAND = _BAND > 0.5
_FINE = 64
_QUIET = 0.01  # a segment 20 dB below the loud ones counts half


@dataclass(frozen=True)
class Segments:
    """Cross spectra of `count` segments.

    Attributes
    ----------
    phases
        complex64 (count, bins): heard times conjugate of reference, size 1; the delay they were
        cut at is taken off.
    weights
        float32 (count, bins), 0 … 1.
    middles_s
        float64 (count,): moment of the heard signal in the middle of each segment.
    activity
        float64 (count,): 0 … 1, how much there is to compare.
    independent
        How many segments without overlap would know as much.
    """

    phases: npt.NDArray[np.complex64]
    weights: npt.NDArray[np.float32]
    middles_s: npt.NDArray[np.float64]
    activity: npt.NDArray[np.float64]
    independent: float

    def correlation(
        self,
        shifts_s: npt.NDArray[np.float64] | None = None,
        weight: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.complex64]:
        """Return the correlation of every segment, complex64 (count, 2 · REACH + 1) at 16 kHz.

        `shifts_s` (count,) is taken off as well. In noise the mean of its square is 1.
        """
        weights = self.weights if weight is None else self.weights * weight
        spectra = self.phases * weights
        if shifts_s is not None:
            spectra = spectra * turned(shifts_s)
        size = np.sqrt(np.sum(weights.astype(np.float64) ** 2, axis=1, keepdims=True)) + 1e-12
        whole = np.zeros((len(spectra), 2 * SEGMENT), np.complex64)
        whole[:, : spectra.shape[1]] = spectra
        lags = fft.ifft(whole, axis=1) * np.float32(2 * SEGMENT)
        kept = np.concatenate([lags[:, -REACH:], lags[:, : REACH + 1]], axis=1)
        return np.asarray(kept / size, np.complex64)


def turned(shifts_s: npt.NDArray[np.float64]) -> npt.NDArray[np.complex64]:
    """Return the factors (count, bins) that take `shifts_s` of delay off the spectra."""
    # Bin 64 a + b turns by as much as bin 64 a and bin b together: 65 + 64 exponentials, not 4097.
    turns = 2j * np.pi * shifts_s[:, None]
    coarse = np.exp(turns * FREQUENCY_HZ[None, ::_FINE]).astype(np.complex64)
    fine = np.exp(turns * FREQUENCY_HZ[None, :_FINE]).astype(np.complex64)
    whole = coarse[:, :, None] * fine[:, None, :]
    return whole.reshape(len(shifts_s), -1)[:, : len(FREQUENCY_HZ)]


def cut_segments(reference: Band, heard: Band, delay: int) -> Segments | None:
    """Return the segments of what overlaps when `heard` is `delay` samples later, or None."""
    first = max(delay, 0)
    last = min(len(heard), len(reference) + delay)
    spare = last - first - SEGMENT
    if spare < 0:
        return None
    count = int(np.clip(spare // (SEGMENT // 4) + 1, 1, MOST_SEGMENTS))
    starts = first + np.round(np.linspace(0, spare, count)).astype(np.int64)
    window = np.hanning(SEGMENT + 1)[:SEGMENT].astype(np.float32)
    sides = []
    for signal, offset in ((heard, 0), (reference, delay)):
        pieces = np.stack([signal[s - offset : s - offset + SEGMENT] for s in starts])
        sides.append(fft.rfft(pieces * window, axis=1))
    cross = sides[0] * np.conj(sides[1])
    weights = np.broadcast_to(_BAND, cross.shape)
    activity = np.ones(count)
    for spectra in sides:
        power = spectra.real**2 + spectra.imag**2
        weights = weights * np.minimum(power / (smooth(power) + 1e-30), 1.0)
        energy = np.sum(power * _BAND, axis=1)
        loud = float(np.quantile(energy, 0.75)) + 1e-30
        activity = activity * energy / (energy + _QUIET * loud)
    return Segments(
        phases=(cross / (np.abs(cross) + 1e-30)).astype(np.complex64),
        weights=weights.astype(np.float32),
        middles_s=(starts + SEGMENT / 2) / BAND_RATE_HZ,
        activity=activity,
        independent=min(float(count), 1.0 + spare / (SEGMENT / 2)),
    )


def smooth(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return the mean over 200 Hz around every bin, along the last axis."""
    half = _SMOOTH_BINS // 2
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half + 1, half)], mode="edge")
    sums = np.cumsum(padded, axis=-1, dtype=np.float64)
    return ((sums[..., _SMOOTH_BINS:] - sums[..., :-_SMOOTH_BINS]) / _SMOOTH_BINS).astype(
        np.float32
    )
