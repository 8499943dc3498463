"""Which DTMF digit each window of audio speaks for (see `dtmf_detector.py`). Kernels only."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import types

from dsp.fm.dtmf_tones import DTMF_COLUMNS_HZ, DTMF_ROWS_HZ
from dsp.kernel import inlined, kernel

RATE_HZ: Final = 8_000
WINDOW: Final = 160  # 20 ms
HOP: Final = 40  # 5 ms
FREQUENCIES: Final = np.array(DTMF_ROWS_HZ + DTMF_COLUMNS_HZ, dtype=np.float64)
TONES: Final = len(FREQUENCIES)
NO_DIGIT: Final = -1
_LEAST_SHARE: Final = 0.80
_MOST_OFF: Final = 0.025
_LOWEST_TWIST_DB: Final = -9.5
_HIGHEST_TWIST_DB: Final = 5.5

_F32 = types.Array(types.float32, 1, "C")
_F32_IN = types.Array(types.float32, 1, "C", readonly=True)
_F64 = types.Array(types.float64, 1, "C")
_F64_2 = types.Array(types.float64, 2, "C")
_I64 = types.Array(types.int64, 1, "C")


@kernel(
    types.void(_F32, types.int64, types.int64, _F32_IN, _F32),
    # Sums in lanes, the same for every output; test_dtmf_detector.py has a twin.
    fastmath=frozenset({"reassoc", "contract", "nsz"}),
)
def decimate_audio(window: Any, count: Any, step: Any, taps: Any, out: Any) -> None:
    """Write `count` outputs of a filter over `window`, `step` samples apart."""
    length = taps.shape[0]
    for m in range(count):
        piece = window[m * step : m * step + length]
        total = np.float32(0.0)
        for k in range(length):
            total += taps[k] * piece[k]
        out[m] = total


@inlined
def _tone_power(tone: Any, now: Any, before: Any, total_shape: Any) -> Any:
    """Return the squared amplitude of a tone, 0 where it is too far from its frequency."""
    re, im = now[2 * tone], now[2 * tone + 1]
    re0, im0 = before[2 * tone], before[2 * tone + 1]
    if re0 == 0.0 and im0 == 0.0:
        return 0.0
    # Correlations run with the nominal phase of their own window: turn the hop back.
    hertz = FREQUENCIES[tone]
    expected = 2.0 * math.pi * hertz * HOP / RATE_HZ
    step = math.atan2(im * re0 - re * im0, re * re0 + im * im0) - expected
    step -= 2.0 * math.pi * math.floor(step / (2.0 * math.pi) + 0.5)
    off_hz = step * RATE_HZ / (2.0 * math.pi * HOP)
    if abs(off_hz) > _MOST_OFF * hertz:
        return 0.0
    # A raised cosine of 20 ms sees a tone beside its middle weaker: sinc(u) / (1 - u²), u in bins.
    u = off_hz * WINDOW / RATE_HZ
    gain = 1.0
    if abs(u) > 1e-6:
        gain = math.sin(math.pi * u) / (math.pi * u * (1.0 - u * u))
    return 4.0 * (re * re + im * im) / (total_shape * gain) ** 2


@inlined
def _correlate(piece: Any, waves: Any, now: Any) -> None:
    """Fill `now` (16,) with real and imaginary part of the correlation with each tone."""
    for row in range(2 * TONES):
        total = 0.0
        for k in range(WINDOW):
            total += piece[k] * waves[row, k]
        now[row] = total


@inlined
def _strongest(now: Any, first: Any) -> Any:
    """Return the strongest of the four tones from `first` on."""
    best = first
    most = -1.0
    for tone in range(first, first + 4):
        size = now[2 * tone] ** 2 + now[2 * tone + 1] ** 2
        if size > most:
            best, most = tone, size
    return best


@kernel(
    types.void(_F32, types.int64, _F64_2, _F64, _F64, types.float64, _I64, _F64_2),
    # As above: a window is summed the same way wherever the stream is cut.
    fastmath=frozenset({"reassoc", "contract", "nsz"}),
)
def judge_windows(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    audio: Any,
    count: Any,
    waves: Any,
    shape: Any,
    before: Any,
    least_level: Any,
    digits: Any,
    measures: Any,
) -> None:
    """Say of `count` windows of `audio`, 40 samples apart, which digit each speaks for, or -1.

    `waves` (16, 160) are cos and -sin of the eight tones times the window, `shape` (160,) is the
    window itself, `before` (16,) carries the last correlations. `measures` (count, 2) gets the
    power of both tones (amplitudes squared) and the twist in dB. Rate of the loop: 200 Hz.
    """
    total_shape = 0.0
    energy_shape = 0.0
    for k in range(WINDOW):
        total_shape += shape[k]
        energy_shape += shape[k] * shape[k]
    now = np.zeros(2 * TONES)
    for n in range(count):
        piece = audio[n * HOP : n * HOP + WINDOW]
        energy = 0.0
        for k in range(WINDOW):
            energy += (piece[k] * shape[k]) ** 2
        digits[n] = NO_DIGIT
        # A sine of amplitude a has the energy a² / 2 · energy_shape.
        if 2.0 * energy / energy_shape < least_level:
            before[:] = 0.0
            continue
        _correlate(piece, waves, now)
        row, column = _strongest(now, 0), _strongest(now, 4)
        low = _tone_power(row, now, before, total_shape)
        high = _tone_power(column, now, before, total_shape)
        before[:] = now
        if low <= 0.0 or high <= 0.0:
            continue
        share = 0.5 * (low + high) * energy_shape / energy
        twist = 10.0 * math.log10(high / low)
        measures[n, 0], measures[n, 1] = low + high, twist
        if share >= _LEAST_SHARE and _LOWEST_TWIST_DB <= twist <= _HIGHEST_TWIST_DB:
            digits[n] = 4 * row + column - 4
