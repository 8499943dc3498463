"""Figures of a multiplex without noise, computed as plainly as they are defined.

This is the truth that the receiver is measured by: it shares no code with the receiver, only the
constants of FM and RDS. Input is the multiplex of a station at 192 kHz, before the carrier's offset
is added, 1.0 = 100 kHz; a figure that does not exist is None.
"""

from __future__ import annotations

import cmath
import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.fft import fft, fftshift, ifft, ifftshift, irfft, next_fast_len, rfft

from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ, RDS_HZ
from dsp.rds.shaping import PEAK_FORM_FACTOR, SHAPING_EDGE_HZ

if TYPE_CHECKING:
    import numpy.typing as npt

MARGIN = 64  # samples before and after a second that the interpolator looks at
OVERSAMPLING = 8
_TAPS = 2 * MARGIN
_MOST_TOPS = 256
_REFERENCE_HZ = 19_000.0  # of MPX power: a sine of this peak deviation has 0 dBr
_PILOT_PERIOD = 192  # samples of 19 whole cycles
_LEAST_PILOT_HZ = 20.0
_LEAST_RDS_HZ = 50.0
# 57 kHz falls on a bin of any FFT whose length is a multiple of 64.
_FFT = 3 << 16
_BAND_HZ = SHAPING_EDGE_HZ + 25.0
_TAIL = 0.005  # of the power on either side: the 99 % of ITU-R SM.328


class Carriers(NamedTuple):
    """Pilot and RDS of a stretch: peak deviations, and the phase of RDS to 3 × pilot.

    `pilot_rad` is the pilot's own phase to the coder's index; 0 without a pilot.
    """

    pilot_hz: float | None
    rds_hz: float | None
    rds_phase_deg: float | None
    pilot_rad: float


def _interpolator() -> npt.NDArray[np.float32]:
    """Return windowed-sinc taps (OVERSAMPLING, taps): row p reads p / 8 of a sample later."""
    distance = np.arange(_TAPS)[None, :] - (MARGIN - 1) - np.arange(OVERSAMPLING)[:, None] / 8
    inside = np.clip(1.0 - (distance / MARGIN) ** 2, 0.0, None)
    return (np.sinc(distance) * np.i0(8.0 * np.sqrt(inside)) / np.i0(8.0)).astype(np.float32)


_ROWS = _interpolator()


def twice_as_dense(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return `samples` (n + 2 · MARGIN,) and the points between them, float32 (2n,), no margins."""
    count = len(samples) - 2 * MARGIN
    length = next_fast_len(len(samples) + _TAPS, real=True)
    taps = rfft(_ROWS[OVERSAMPLING // 2][::-1], length)
    whole = irfft(rfft(samples, length) * taps, length)
    dense = np.empty((count, 2), np.float32)
    dense[:, 0] = samples[MARGIN : MARGIN + count]
    # Point n of the convolution is where taps[MARGIN - 1] stands on sample n - MARGIN.
    dense[:, 1] = whole[2 * MARGIN : 2 * MARGIN + count]
    return dense.ravel()


def peak_hz(samples: npt.NDArray[np.float32], dense: npt.NDArray[np.float32]) -> float:
    """Return the largest deviation, between the samples too.

    `dense` is `twice_as_dense(samples)`. A parabola through each top of it is right within 1 % up
    to 60 kHz; the 256 highest of these are then looked at in steps of 1 / 1536 kHz, with a parabola
    on top again (57 kHz: 0.002 % low).
    """
    wave = np.abs(dense)
    left, middle, right = wave[:-2], wave[1:-1], wave[2:]
    tops = np.flatnonzero((middle >= left) & (middle >= right) & (middle >= 0.85 * wave.max()))
    left, middle, right = left[tops], middle[tops], right[tops]
    bend = np.maximum(2.0 * middle - left - right, 1e-9)
    guess = middle + np.minimum((right - left) ** 2 / (8.0 * bend), 0.2 * middle)
    if len(tops) > _MOST_TOPS:
        tops = tops[np.argpartition(guess, -_MOST_TOPS)[-_MOST_TOPS:]]
    # One sample to either side of each top, in eighths.
    first = (tops + 1) // 2
    near = samples[np.minimum(first[:, None] + np.arange(_TAPS + 3), len(samples) - 1)]
    fine = np.stack([near[:, k : k + _TAPS] @ _ROWS.T for k in range(4)], axis=1)
    return _top(np.abs(fine.reshape(len(tops), -1))) * FULL_SCALE_HZ


def _top(fine: npt.NDArray[np.float32]) -> float:
    """Return the highest value of rows of points, refined by a parabola."""
    if not fine.size:
        return 0.0
    inner = fine[:, 1:-1]
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    left, middle, right = (float(v) for v in fine[row, column : column + 3])
    bend = 2.0 * middle - left - right
    rise = (right - left) ** 2 / (8.0 * bend) if bend > 0.0 else 0.0
    return middle + min(rise, 0.01 * middle)


def power_hz2(samples: npt.NDArray[np.float32]) -> float:
    """Return the mean square of the deviation in Hz²."""
    return float(np.mean(np.square(samples, dtype=np.float64))) * FULL_SCALE_HZ**2


def power_dbr(mean_square_hz2: float) -> float | None:
    """Return MPX power, Rec. ITU-R BS.412-9 §2.5.1: 10·log10(2 · mean(Δf²) / (19 kHz)²)."""
    if mean_square_hz2 <= 0.0:
        return None
    return 10.0 * math.log10(2.0 * mean_square_hz2 / _REFERENCE_HZ**2)


@functools.lru_cache(maxsize=8)
def _hann(count: int) -> npt.NDArray[np.float32]:
    """Return a Hann window; seconds are of one length or two."""
    return np.hanning(count).astype(np.float32)


def carriers(samples: npt.NDArray[np.float32], coder_index: int) -> Carriers:
    """Return pilot and RDS of `samples` (n,), n up to 196 608.

    `coder_index` is the index of the first sample in the coder, where the pilot is
    sin(2·pi·19/192·n).
    """
    window = _hann(len(samples))
    weighed = samples * window
    # The pilot repeats every 192 samples: sum up what lies on each of them.
    folded = np.zeros(-(-len(weighed) // _PILOT_PERIOD) * _PILOT_PERIOD, np.float32)
    folded[: len(weighed)] = weighed
    sums = folded.reshape(-1, _PILOT_PERIOD).sum(axis=0, dtype=np.float64)
    turns = (coder_index + np.arange(_PILOT_PERIOD)) * 19 % _PILOT_PERIOD / _PILOT_PERIOD
    pilot = 2.0 * np.vdot(np.exp(2j * math.pi * turns), sums) / window.sum(dtype=np.float64)
    pilot_hz = float(abs(pilot)) * FULL_SCALE_HZ
    spectrum = rfft(weighed, _FFT)
    hertz = COMPOSITE_RATE_HZ / _FFT
    middle, reach = round(RDS_HZ / hertz), round(_BAND_HZ / hertz)
    band = spectrum[middle - reach : middle + reach + 1]
    # Parseval: both halves of the spectrum, and the power that the window took.
    weight = _FFT * float(np.sum(np.square(window, dtype=np.float64)))
    mean_square = 2.0 * float(np.sum(np.abs(band) ** 2)) / weight
    rds_hz = math.sqrt(2.0 * mean_square) * PEAK_FORM_FACTOR * FULL_SCALE_HZ
    has_pilot, has_rds = pilot_hz > _LEAST_PILOT_HZ, rds_hz > _LEAST_RDS_HZ
    phase = _rds_phase_deg(band, coder_index, pilot) if has_pilot and has_rds else None
    return Carriers(
        pilot_hz if has_pilot else None,
        rds_hz if has_rds else None,
        phase,
        cmath.phase(1j * pilot) if has_pilot else 0.0,
    )


def _rds_phase_deg(band: npt.NDArray[np.complex128], coder_index: int, pilot: complex) -> float:
    """Return the phase of the RDS carrier to three times the pilot's, within -45 … 135.

    The square of a two-phase signal has the carrier's phase twice, whatever the bits: hence ±180.
    """
    envelope = ifft(ifftshift(band))
    at_start = cmath.exp(-2j * math.pi * (coder_index * 19 % 64) / 64)
    # A sine of phase φ has a line of phase φ - 90°.
    doubled = cmath.phase(np.sum((1j * at_start * envelope) ** 2))
    third = 3.0 * cmath.phase(1j * pilot)
    degrees = math.degrees(doubled / 2.0 - third)
    return (degrees + 45.0) % 180.0 - 45.0


def occupied_bandwidth_hz(dense: npt.NDArray[np.float32]) -> float:
    """Return the width that holds 99 % of the power of the modulated carrier.

    `dense` is the multiplex at 384 kHz: a carrier is modulated with it and all of it transformed at
    once, so that every moment counts alike. Short windows end to end beat against the pitch of a
    voice, and are wrong by kilohertz.
    """
    rate_hz = COMPOSITE_RATE_HZ * 2
    turns = np.cumsum(_averaged(dense), dtype=np.float64) * (FULL_SCALE_HZ / rate_hz)
    turns *= len(_CIRCLE)
    carrier = _CIRCLE[turns.astype(np.int64) & (len(_CIRCLE) - 1)]  # whole turns fall away
    count = next_fast_len(len(carrier))
    lines = fft(carrier, count, overwrite_x=True)
    power = fftshift(np.square(lines.real) + np.square(lines.imag))
    share = np.cumsum(power, dtype=np.float64)
    low, high = (_edge_line(share, part * share[-1]) for part in (_TAIL, 1.0 - _TAIL))
    return float((high - low) * rate_hz / count)


def _averaged(dense: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the mean of the wave over each sample's own time, whose running sum is its integral.

    A running sum of the samples themselves integrates sin(x)/x too much: 3.6 % at 57 kHz, and the
    difference of the sides of music made its carrier 1.2 kHz wider. Five taps undo that within 3e-4
    up to 60 kHz: two terms of the series of sin(x)/x.
    """
    padded = np.concatenate([dense[-2:], dense, dense[:2]]).astype(np.float64)
    beside, beyond = padded[1:-3] + padded[3:-1], padded[:-4] + padded[4:]
    near, far = _NEAR_TAP, _FAR_TAP
    return np.asarray(
        (1.0 - 2.0 * (near + far)) * padded[2:-2] + near * beside + far * beyond, np.float64
    )


def _edge_line(share: npt.NDArray[np.float64], wanted: float) -> float:
    """Return how many lines, in parts of one, hold `wanted` of the power; each is a band."""
    line = int(np.searchsorted(share, wanted))
    before = float(share[line - 1]) if line else 0.0
    return line + (wanted - before) / (float(share[line]) - before)


_FAR_TAP = 1.0 / 1920.0 - 1.0 / 288.0
_NEAR_TAP = 1.0 / 24.0 - 4.0 * _FAR_TAP
_CIRCLE = np.exp(2j * math.pi * np.arange(1 << 16) / (1 << 16)).astype(np.complex64)
