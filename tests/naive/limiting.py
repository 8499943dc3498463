"""Slow twin of the limiter: every step written out in float64 over the whole signal."""

import math

import numpy as np

from dsp.master.oversample import design_interpolator

GROUP = 8
STEP, WAIT, REACH = 64, 32, 20


def wave_peaks(x):
    """Largest |wave| in each [n, n + 1) at the eighths of a sample, shape (n,)."""
    weights = design_interpolator().weights.astype(np.float64)
    padded = np.concatenate([np.zeros(REACH - 1), x, np.zeros(REACH)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH)
    return np.maximum(np.abs(x), np.abs(windows @ weights.T).max(axis=1))


def group_gains(peaks, ceiling):
    """Allowed gain per group of 8 samples."""
    largest = peaks.reshape(-1, GROUP).max(axis=1)
    return np.where(largest > ceiling, ceiling / np.maximum(largest, ceiling), 1.0)


def gain_curve(allowed, sample_rate_hz, look_ahead_s, release_s):
    """Gain per sample, already aligned with the signal."""
    group_hz = sample_rate_hz / GROUP
    smoothing = max(2, round(look_ahead_s * group_hz) - 2)
    fir = np.sin(np.pi * (np.arange(smoothing) + 0.5) / smoothing) ** 2
    fir /= fir.sum()
    taus_s = (release_s[0], release_s[1], release_s[1], 0.15)
    fast, slow_up, up, down = (1 - math.exp(-1 / (t * group_hz)) for t in taus_s)
    reach = smoothing + 3
    padded = np.concatenate([np.ones(reach - 1), allowed, np.ones(reach + 8)])
    gain = average = 1.0
    eased = np.ones(len(padded) - reach + 1)
    for j in range(len(eased)):
        wanted = padded[j : j + reach].min()
        gain = min(wanted, gain + fast * max(0.0, average - gain) + slow_up * (1 - gain))
        average += (down if gain < average else up) * (gain - average)
        if gain > 1 - 1e-5 and wanted == 1.0:
            gain = 1.0
            average = 1.0 if average > 1 - 1e-5 else average
        eased[j] = gain
    control = np.convolve(np.concatenate([np.ones(smoothing - 1), eased]), fir, "valid")
    curve = []
    for j in range(len(allowed)):
        c = control[j + smoothing - 1 : j + smoothing + 3]
        for i in range(GROUP):
            u = i / GROUP
            basis = [
                (1 - u) ** 3,
                3 * u**3 - 6 * u**2 + 4,
                -3 * u**3 + 3 * u**2 + 3 * u + 1,
                u**3,
            ]
            curve.append(np.dot(c, basis) / 6.0)
    return np.array(curve)


def gain_power(peaks, headroom, release_s):
    """Mean square, per ten steps of 1 ms, of the gain that a limiter lays over `peaks`."""
    fast, slowly, rise, fall = (
        1 - np.exp(-1 / (1000 * tau_s)) for tau_s in (*release_s, release_s[1], 0.15)
    )
    around = np.concatenate(([0.0], peaks, [0.0]))
    held = np.maximum(np.maximum(around[:-2], around[1:-1]), around[2:])
    gain = slow = 1.0
    gains = []
    for peak in held:
        risen = gain + fast * max(0.0, slow - gain) + slowly * (1 - gain)
        gain = min(1.0, headroom / max(peak, 1e-20), risen)
        slow += (fall if gain < slow else rise) * (gain - slow)
        gains.append(gain)
    return np.mean(np.reshape(np.square(gains), (-1, 10)), axis=1)
