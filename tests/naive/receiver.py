"""Slow NumPy twins of the receiver's meters, in float64 and by definition."""

import numpy as np
import scipy.fft
from scipy.special import erfc

RATE = 288_000


def upsampled(signal, factor=8):
    """The same periodic wave on a finer grid."""
    n = len(signal)
    bins = np.zeros(n * factor // 2 + 1, complex)
    bins[: n // 2 + 1] = scipy.fft.rfft(signal)
    return scipy.fft.irfft(bins, n * factor) * factor


def hops(composite, back, hop):
    """Highest, lowest, sum and sum of squares of each hop of `composite` (1-D, from `back` on)."""
    rows = []
    for start in range(back, len(composite) - hop + 1, hop):
        own = composite[start : start + hop].astype(np.float64)
        rows.append([own.max(), own.min(), own.sum(), np.sum(own**2)])
    return np.array(rows)


def folded(samples_hz, offset_hz, bin_hz, bins):
    """Histogram of |deviation - offset| by sorting every sample."""
    size = np.abs(samples_hz - offset_hz) / bin_hz
    return np.bincount(np.minimum(size.astype(int), bins - 1), minlength=bins)


def expected_maximum(counts, width, sigma):
    """As the kernel, with a fine grid and no shortcuts."""
    t = np.linspace(-8.0 * sigma, 9.0 * sigma, 20_001)
    phi = 0.5 * erfc(-(t[:, None] + np.arange(len(counts)) * width) / sigma / np.sqrt(2.0))
    with np.errstate(divide="ignore"):
        below = np.exp(np.sum(counts * np.log(phi), axis=1, where=counts > 0))
    return t[0] + np.sum(1.0 - below) * (t[1] - t[0])


def mpx_power_dbr(composite_hz):
    """BS.412 over the whole stretch."""
    return 10.0 * np.log10(2.0 * np.mean((composite_hz / 19_000.0) ** 2))


def bandwidth(powers, bin_hz, share=0.005):
    """Edges by walking in from both ends, to the bin."""
    total, low, high = powers.sum(), 0, len(powers) - 1
    gone = 0.0
    while gone + powers[low] <= share * total:
        gone += powers[low]
        low += 1
    gone = 0.0
    while gone + powers[high] <= share * total:
        gone += powers[high]
        high -= 1
    return (high - low + 1) * bin_hz


def stereo(composite, pilot_phase, share):
    """Left and right before de-emphasis at 288 kHz: multiply by the subcarrier, cut at 15 kHz."""
    n = len(composite)
    keep = scipy.fft.rfftfreq(n, 1.0 / RATE) <= 15_000.0

    def low(x):
        return scipy.fft.irfft(scipy.fft.rfft(x) * keep, n)

    middle, side = low(composite), low(2.0 * composite * np.sin(2.0 * pilot_phase))
    return (middle + side) / share, (middle - side) / share
