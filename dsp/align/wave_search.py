"""Where in a reference a few seconds were heard, by phase: for music, whose envelopes repeat.

A tune with a beat is loud and soft alike at every bar: envelopes (`search`) then know a hundred
places, and the waves fit at one only. They are correlated with the size of every frequency taken
off (PHAT, Knapp and Carter 1976), so that a held note is no ridge; block by block, 16 s of the
reference at a time, so that the cost grows with its length alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from dsp.align.search import LEAST_OVERLAP_S
from dsp.align.speech_band import BAND_RATE_HZ, Band, band_weight

# Over 4 s clocks 100 ppm apart move the ends by 0.2 ms, which leaves the lower half of the band.
LONGEST_HEARD_S = 8.0
_BLOCK = 1 << 17
_IN_BAND = band_weight(np.arange(_BLOCK // 2 + 1) * (BAND_RATE_HZ / _BLOCK)).astype(np.float32)


def place_by_phase(
    reference: Band, heard: Band, range_s: tuple[float, float] | None = None
) -> float | None:
    """Return the delay in seconds (+ = heard later) at which the waves fit best.

    `heard` has `LEAST_OVERLAP_S` to `LONGEST_HEARD_S` of sound, else the answer is None, as where
    `range_s` leaves no place. There always is a best one: whether it is right is for others to say.
    """
    count, least = len(heard), round(LEAST_OVERLAP_S * BAND_RATE_HZ)
    if not least <= count <= LONGEST_HEARD_S * BAND_RATE_HZ or len(reference) < least:
        return None
    spectrum = np.conj(_flat(heard))
    # Either may begin before the other, as long as enough of both overlaps.
    begins = np.arange(least - count, len(reference) - least + 1, _BLOCK - count + 1)
    best: tuple[float, int] | None = None
    for begin in begins.tolist():
        block = np.zeros(_BLOCK, np.float32)
        piece = reference[max(begin, 0) : begin + _BLOCK]
        block[max(-begin, 0) : max(-begin, 0) + len(piece)] = piece
        lags = np.abs(fft.irfft(spectrum * _flat(block), _BLOCK)[: _BLOCK - count + 1])
        places = begin + np.arange(len(lags))
        inside = places <= len(reference) - least
        if range_s is not None:
            inside &= (-places >= range_s[0] * BAND_RATE_HZ) & (
                -places <= range_s[1] * BAND_RATE_HZ
            )
        if not inside.any():
            continue
        spread = float(np.sqrt(np.mean(lags**2))) + 1e-12
        lags[~inside] = 0.0
        at = int(np.argmax(lags))
        if best is None or lags[at] / spread > best[0]:
            best = float(lags[at]) / spread, begin + at
    return None if best is None else -best[1] / BAND_RATE_HZ


def _flat(signal: Band) -> npt.NDArray[np.complex64]:
    """Return the spectrum of a block with every size in the band made 1."""
    spectrum = fft.rfft(signal, _BLOCK)
    return np.asarray(spectrum * (_IN_BAND / (np.abs(spectrum) + 1e-12)), np.complex64)
