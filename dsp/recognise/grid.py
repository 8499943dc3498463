"""The grids on which speech is compared, and the filters whose signs make a word.

Time is counted in *frames* of 20 ms from the first sample of a stream: frame t is centred on
t · 20 ms, at 8 kHz. A heard stream has a word in every frame; a reference keeps every third, one in
60 ms (a *step*), because the heard ones then meet it within 10 ms wherever it began.

A word is 32 signs. Each belongs to one filter on a patch of the spectrogram, 48 frames (0.96 s) by
16 bands from 300 to 3400 Hz, the band that every link of the chain lets through: a cosine of order
i over time, under a Hann window, times a cosine of order j over the bands. Orders are chosen so
that the signs survive noise, codecs and rooms and still differ between two texts of one voice
(docs/decisions/0007): i from 2 up, since what lasts longer than a second is shared by all speech,
and nothing without change in time, so that a fixed filter or a steady noise leaves no mark.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

RATE_HZ = 8_000
FRAME = 160  # samples between frames
FRAMES_PER_SECOND = RATE_HZ // FRAME
WINDOW = 512  # samples of a spectrum, 64 ms
STEP = 3  # frames between the words of a reference
STEPS_PER_SECOND = FRAMES_PER_SECOND / STEP
BANDS = 16
LOW_HZ, HIGH_HZ = 300.0, 3400.0
PATCH = 48  # frames of a word's patch
LOCAL = 30  # frames on either side over which the level is averaged
WORD_BITS = 32
KEY_BITS = 22  # of a word's highest bits that may be looked up

# (order in time, order over the bands), the surest first: they become the highest bits.
FILTERS = (
    *((2, 0), (2, 3), (3, 0), (3, 3), (2, 1), (3, 1), (4, 0), (2, 5)),
    *((5, 0), (6, 0), (4, 3), (2, 2), (3, 5), (2, 4), (7, 0), (3, 2)),
    *((2, 6), (5, 1), (5, 3), (4, 1), (8, 0), (6, 3), (4, 5), (3, 4)),
    *((3, 6), (4, 2), (4, 6), (6, 1), (2, 7), (5, 5), (4, 4), (9, 0)),
)
ORDERS = 8  # cosines over the bands that FILTERS asks for


def _mel(frequency_hz: Any) -> Any:
    return np.log1p(np.asarray(frequency_hz) / 700.0)


def band_weights() -> npt.NDArray[np.float32]:
    """Return (WINDOW // 2 + 1, BANDS) weights of the power spectrum.

    Triangles, evenly spaced on the mel scale, of equal sum, lifted by 3 dB an octave: long-term
    speech falls faster, and without it the upper bands would hardly count.
    """
    edges = 700.0 * np.expm1(np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), BANDS + 2))
    frequency = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rise = (frequency[:, None] - low) / (middle - low)
    fall = (high - frequency[:, None]) / (high - middle)
    weights = np.clip(np.minimum(rise, fall), 0.0, None)
    weights *= (middle / 1000.0) / weights.sum(axis=0)
    return np.ascontiguousarray(weights, np.float32)


def band_filters() -> npt.NDArray[np.float32]:
    """Return (ORDERS, BANDS) cosines over the bands, orthonormal."""
    bands = (np.arange(BANDS) + 0.5) * math.pi / BANDS
    cosines = np.cos(np.arange(ORDERS)[:, None] * bands) * math.sqrt(2.0 / BANDS)
    cosines[0] *= math.sqrt(0.5)
    return np.ascontiguousarray(cosines, np.float32)


def time_filters() -> npt.NDArray[np.float32]:
    """Return (highest order + 1, PATCH) windowed cosines over time, without mean, of norm 1."""
    count = 1 + max(order for order, _ in FILTERS)
    place = (np.arange(PATCH) + 0.5) * math.pi / PATCH
    window = np.sin(np.arange(1, PATCH + 1) * math.pi / (PATCH + 1)) ** 2
    cosines = np.cos(np.arange(count)[:, None] * place) * window
    cosines -= cosines.mean(axis=1, keepdims=True)
    cosines[1:] /= np.linalg.norm(cosines[1:], axis=1, keepdims=True)
    return np.ascontiguousarray(cosines, np.float32)
