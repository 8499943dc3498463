"""Is this half second of sound that half second of the reference? A waveform beside a waveform.

The second opinion (`coherence`) knows nothing of the delay and wants 2.5 s. Where the delay is
known to a few milliseconds, half a second is enough: the normalised correlation of two speech
bands, its envelope over lags, so that a path that turns all phases changes nothing. Of 207 half
seconds behind each of our chains 99 % were 0.78 or more, at 20 dB of noise too; of another voice at
most 0.21, of the same synthetic voice with another text, where it says the same word, 0.67.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from dsp.align.speech_band import BAND_RATE_HZ, Band

WINDOW = BAND_RATE_HZ // 2
_SIZE = 2 * WINDOW
_TAPER = np.hanning(WINDOW).astype(np.float32)


@dataclass(frozen=True)
class Likeness:
    """How a window compares.

    Attributes
    ----------
    correlation
        0 … 1, at the best lag.
    lag_s
        Of the best lag: + = heard later than expected.
    reference_power, heard_power
        Mean squares in the window.
    """

    correlation: float
    lag_s: float
    reference_power: float
    heard_power: float


def compare_waves(reference: Band, heard: Band, within_s: float) -> Likeness:
    """Compare two windows, float32 (WINDOW,) in the speech band, at lags within ± `within_s`."""
    ours = fft.rfft(reference * _TAPER, _SIZE)
    theirs = fft.rfft(heard * _TAPER, _SIZE)
    # Positive frequencies alone: the correlation is analytic, and its size the envelope.
    whole = np.zeros(_SIZE, np.complex64)
    whole[: len(ours)] = theirs * np.conj(ours)
    lags = np.abs(fft.ifft(whole)) * _SIZE
    reach = round(within_s * BAND_RATE_HZ)
    near = np.concatenate([lags[-reach:], lags[: reach + 1]]) if reach else lags[:1]
    best = int(np.argmax(near))
    size = np.sqrt(np.sum(np.abs(ours) ** 2) * np.sum(np.abs(theirs) ** 2))
    return Likeness(
        float(near[best] / size) if size > 0.0 else 0.0,
        (best - reach) / BAND_RATE_HZ,
        float(np.mean(reference.astype(np.float64) ** 2)),
        float(np.mean(heard.astype(np.float64) ** 2)),
    )
