"""The band in which every path of a bulletin can be compared: 300 to 3400 Hz, at 8 kHz.

G.711 and a horn pass little more; what lies beyond differs between paths by design (pre-emphasis,
high-pass filters, codecs). The change of rate is one transform over the whole piece: zero phase, so
that nothing is moved, and no images, since everything above 3.5 kHz is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.contract import BlockContractError, require_samples

Band = npt.NDArray[np.float32]

BAND_RATE_HZ = 8_000
LOW_HZ = 300.0
HIGH_HZ = 3_400.0
LONGEST_S = 1_800.0  # a transform of 86 M samples at 48 kHz, 0.7 GB
_EDGE_HZ = 100.0  # raised cosines within the band's edges: a ring of 10 ms, 40 dB down
_GUARD_S = 0.1  # the ring of the last sample must not come round to the first


def speech_band(samples: npt.NDArray[np.float32], rate_hz: int) -> Band:
    """Return mono `samples` (n,) float32 at `rate_hz` as float32 (ceil(n · 8000 / rate),) at 8 kHz.

    Raises
    ------
    BlockContractError
        A rate below 8 kHz, samples of another type, not finite, or longer than half an hour.
    """
    require_samples(samples, np.float32)
    if rate_hz < BAND_RATE_HZ:
        raise BlockContractError("rate_hz", "at least 8000", str(rate_hz))
    if len(samples) > LONGEST_S * rate_hz:
        raise BlockContractError(
            "samples", f"at most {LONGEST_S:.0f} s", f"{len(samples) / rate_hz:.0f} s"
        )
    if not len(samples):
        return np.zeros(0, np.float32)
    step = math.gcd(rate_hz, BAND_RATE_HZ)
    up, down = BAND_RATE_HZ // step, rate_hz // step
    blocks = fft.next_fast_len(
        -(-(len(samples) + math.ceil(_GUARD_S * rate_hz)) // down), real=True
    )
    spectrum = fft.rfft(samples, blocks * down)[: blocks * up // 2 + 1]
    frequency_hz = np.arange(len(spectrum)) * (rate_hz / (blocks * down))
    spectrum *= (band_weight(frequency_hz) * (up / down)).astype(np.float32)
    wanted = -(-len(samples) * up // down)
    return np.ascontiguousarray(fft.irfft(spectrum, blocks * up)[:wanted], dtype=np.float32)


def band_weight(frequency_hz: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the gain at each frequency: 1 in the band, 0 outside, cosine edges of 100 Hz."""
    rise = np.clip((frequency_hz - LOW_HZ) / _EDGE_HZ, 0.0, 1.0)
    fall = np.clip((HIGH_HZ - frequency_hz) / _EDGE_HZ, 0.0, 1.0)
    gain: npt.NDArray[Any] = 0.25 * (1.0 - np.cos(np.pi * rise)) * (1.0 - np.cos(np.pi * fall))
    return gain
