"""A slow twin of the RDS waveform: impulse pairs through the ideal filter, term by term.

The spectrum of a periodic bit stream is exact: the sum of its impulses' transforms times
cos(pi f td / 4), nothing above 2 / td. In time domain it is then a plain sum of cosines.
"""

import numpy as np

BIT_HZ = 1187.5


def naive_baseband(signs, rate_hz, samples):
    """Shaped biphase of `signs` (+1, -1), repeated for ever, power 1; float64 (samples,)."""
    bits = len(signs)
    middle = (np.arange(bits) + 0.5) / BIT_HZ
    times = np.arange(samples) / rate_hz
    wave = np.zeros(samples)
    # Harmonics of the repetition; 2 / td is the 2 * bits-th, where the filter has come to zero.
    for harmonic in range(1, 2 * bits):
        hz = harmonic * BIT_HZ / bits
        pairs = np.sum(
            signs
            * (
                np.exp(-2j * np.pi * hz * (middle - 0.25 / BIT_HZ))
                - np.exp(-2j * np.pi * hz * (middle + 0.25 / BIT_HZ))
            )
        )
        # Impulses of area td / 2 have power 1 per bit after the filter (4 / td² · td² / 4).
        line = pairs * np.cos(np.pi * hz / BIT_HZ / 4) / bits / 2
        wave += 2 * np.real(line * np.exp(2j * np.pi * hz * times))
    return wave
