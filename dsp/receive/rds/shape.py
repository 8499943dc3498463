"""The shape of one RDS bit and the filter matched to it (IEC 62106 clause 1.6, 1.7).

The coder sends every bit as two opposite impulses, half a bit apart, through a filter
cos(π f td / 4) that ends at 2 / td = 2375 Hz (td is one bit, 842 µs); the receiver owes the same
filter again. The filter matched to the whole pair of impulses does both at once: all the energy of
a bit in one number, and at whole bits away from it none (the cascade is a Nyquist pulse).

Scale: the pulse has the mean power 1 when it repeats bit after bit. A demodulated amplitude is thus
the root mean square of the envelope, which is the amplitude of the unmodulated carrier of the same
power, the first of the two conventions for "RDS level". The other one is the peak of the shaped
waveform.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

#: Rate of the baseband at which bits are received; the bit rate is 19/192 of it.
BASEBAND_RATE_HZ: Final = 12_000
BITS_PER_PERIOD: Final = 19
SAMPLES_PER_PERIOD: Final = 192
SAMPLES_PER_BIT: Final = SAMPLES_PER_PERIOD / BITS_PER_PERIOD

#: Half the length of the matched filter: 2.8 bits. Between symbols -100 dB, loss below 0.001 dB,
#: 93 dB down from 4 kHz on, where the stereo side band ends (57 - 53 kHz).
HALF_TAPS: Final = 28
_KAISER_BETA: Final = 3.0


def shaping_impulse(bits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the impulse response of cos(π f td / 4), |f| ≤ 2 / td, at times in `bits`."""
    x = np.asarray(bits, dtype=np.float64)
    # The integral of cos(π u / 4) cos(2 π u x) over |u| ≤ 2, as two sincs.
    return np.asarray(2.0 * np.sinc(4.0 * x + 0.5) + 2.0 * np.sinc(4.0 * x - 0.5))


def bit_pulse(bits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the shape of a bit of value +1 at times in `bits` from its middle."""
    x = np.asarray(bits, dtype=np.float64)
    # The energy of the pair: 2 ∫ cos²(π u / 4) (1 - cos π u) du over |u| ≤ 2 is 4.
    return (shaping_impulse(x + 0.25) - shaping_impulse(x - 0.25)) / 2.0


def matched_taps() -> npt.NDArray[np.float64]:
    """Return the matched filter at the baseband rate, in order of correlation.

    Σ taps[k] · s[n + k - HALF_TAPS] is the amplitude of a bit whose middle is at sample n.
    """
    k = np.arange(-HALF_TAPS, HALF_TAPS + 1)
    pulse = bit_pulse(k / SAMPLES_PER_BIT) * np.kaiser(2 * HALF_TAPS + 1, _KAISER_BETA)
    return np.asarray(pulse / np.dot(pulse, bit_pulse(k / SAMPLES_PER_BIT)))
