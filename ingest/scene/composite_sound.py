"""The loudness of what a multiplex carries: decoded as plainly as it was defined.

Main signal and 38 kHz subcarrier of Rec. ITU-R BS.450 give left and right; de-emphasis, the band of
15 kHz and the K-weighting of BS.1770 are applied to their spectra. 0 dBFS is the deviation that
pilot and RDS, as they are on the air, leave of what the profile rates: the receiver can know no
other, and in a healthy station it is the scale of the audio that went in. What is sent too large is
too loud by as much, and lost to nobody who listens.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.fft import irfft, rfft, rfftfreq

from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.measure.k_weighting import k_weighting
from dsp.measure.loudness import lufs

if TYPE_CHECKING:
    import numpy.typing as npt

LEAD = COMPOSITE_RATE_HZ // 10  # in which the high-pass at 38 Hz forgets the beginning
MOMENTARY = COMPOSITE_RATE_HZ * 4 // 10
TAIL = 960
_AUDIO_RATE_HZ = 48_000
_STEP = COMPOSITE_RATE_HZ // _AUDIO_RATE_HZ
_EDGE_HZ = 16_000.0  # above the sound, below the pilot
_FAINT_LUFS = -100.0


class Sound(NamedTuple):
    """How sound is in a multiplex: deviation of 0 dBFS, emphasis, and whether in stereo."""

    share_hz: float
    pre_emphasis_us: float
    stereo: bool


def momentary_lufs(
    samples: npt.NDArray[np.float32], coder_index: int, pilot_rad: float, sound: Sound
) -> float | None:
    """Return the loudness of the 400 ms that end `TAIL` samples before the end.

    `samples` has LEAD + MOMENTARY + TAIL samples at 192 kHz, the first of which has `coder_index`
    in the coder; `pilot_rad` is the phase of the pilot there where it is not that of the index.
    """
    wave = samples * _taper() * np.float32(FULL_SCALE_HZ / sound.share_hz)
    response = _response(sound.pre_emphasis_us)
    middle = rfft(wave)[: len(response)] * response
    if not sound.stereo:
        energy = 2.0 * _mean_square(middle)
    else:
        turns = (coder_index + np.arange(len(wave))) * 38 % 192 / 192
        subcarrier = np.sin(2.0 * math.pi * turns + 2.0 * pilot_rad)
        side = rfft(wave * (2.0 * subcarrier).astype(np.float32))[: len(response)] * response
        energy = _mean_square(middle + side) + _mean_square(middle - side)
    loudness = lufs(energy)
    return loudness if loudness > _FAINT_LUFS else None


def _mean_square(lines: npt.NDArray[np.complex64]) -> float:
    """Return the mean square over the 400 ms of what has these spectral lines."""
    count = LEAD + MOMENTARY + TAIL
    wave = irfft(lines, count // _STEP) / _STEP
    inside = wave[LEAD // _STEP : (LEAD + MOMENTARY) // _STEP]
    return float(np.mean(np.square(inside, dtype=np.float64)))


@functools.lru_cache(maxsize=1)
def _taper() -> npt.NDArray[np.float32]:
    """Return ones with raised cosines at both ends, outside the 400 ms."""
    shape = np.ones(LEAD + MOMENTARY + TAIL)
    rise = LEAD // 4
    shape[:rise] = 0.5 - 0.5 * np.cos(math.pi * np.arange(rise) / rise)
    shape[-TAIL:] = 0.5 + 0.5 * np.cos(math.pi * np.arange(TAIL) / TAIL)
    return shape.astype(np.float32)


@functools.lru_cache(maxsize=8)
def _response(pre_emphasis_us: float) -> npt.NDArray[np.complex64]:
    """Return de-emphasis times K-weighting at the lines up to 16 kHz."""
    hertz = rfftfreq(LEAD + MOMENTARY + TAIL, 1.0 / COMPOSITE_RATE_HZ)
    hertz = hertz[hertz <= _EDGE_HZ]
    back = np.exp(-2j * math.pi * hertz / _AUDIO_RATE_HZ)  # one sample later
    k = k_weighting(_AUDIO_RATE_HZ)
    shelf = np.polyval(k.shelf_b[::-1], back) / np.polyval((*k.shelf_a[::-1], 1.0), back)
    high_pass = (1.0 - back) ** 2 / np.polyval((*k.high_pass_a[::-1], 1.0), back)
    emphasis = 1.0 + 2j * math.pi * hertz * pre_emphasis_us * 1e-6
    return np.asarray(shelf * high_pass / emphasis, np.complex64)
