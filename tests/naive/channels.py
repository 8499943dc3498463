"""A channel the slow way, in float64: mix, a long filter, resampling of the capture at once."""

import numpy as np


def iq_of(samples):
    """Return complex128 of uint8 pairs or complex64."""
    if samples.dtype == np.uint8:
        pairs = (samples.astype(np.float64) - 127.5) / 127.5
        return pairs[0::2] + 1j * pairs[1::2]
    return samples.astype(np.complex128)


def channel(samples, rate_hz, offset_hz, taps, rate_out_hz=288_000):
    """The channel at `offset_hz` through `taps` (odd length, no delay) at `rate_out_hz`.

    The capture's length must be a whole number of output samples. Its ends wrap around.
    """
    iq = iq_of(samples)
    n = len(iq)
    mixed = iq * np.exp(-2j * np.pi * offset_hz / rate_hz * np.arange(n))
    half = len(taps) // 2
    ring = np.zeros(n)
    ring[np.arange(-half, half + 1)] = taps
    spectrum = np.fft.fft(mixed) * np.fft.fft(ring)
    m = n * rate_out_hz // rate_hz
    assert m * rate_hz == n * rate_out_hz
    bins = np.round(np.fft.fftfreq(n, 1 / n)).astype(int)
    short = np.zeros(m, np.complex128)
    np.add.at(short, bins % m, spectrum)
    return np.fft.ifft(short) * m / n


def tone(n, rate_hz, frequency_hz, amplitude=1.0, phase=0.0):
    """A tone, complex128 (n,)."""
    return amplitude * np.exp(1j * (2 * np.pi * frequency_hz / rate_hz * np.arange(n) + phase))


def as_u8(iq, seed=1):
    """Quantise to interleaved uint8 as a dongle does, with the dither its noise gives."""
    rng = np.random.default_rng(seed)
    pairs = iq.astype(np.complex64).view(np.float32) * 127.5 + 127.5
    return np.clip(np.round(pairs + rng.uniform(-0.5, 0.5, len(pairs))), 0, 255).astype(np.uint8)
