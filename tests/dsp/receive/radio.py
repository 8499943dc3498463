"""Composites and carriers for tests: exact, periodic in a second, without any block of ours."""

import numpy as np

RATE = 288_000


def seconds(count):
    return np.arange(RATE * count) / RATE


def tone(frequency_hz, peak_hz, count=1, phase=0.0):
    return peak_hz * np.sin(2.0 * np.pi * frequency_hz * seconds(count) + phase)


def carrier(composite_hz, level=0.5):
    """The channel of a periodic composite: its exact integral as phase."""
    n = len(composite_hz)
    bins = np.fft.rfft(composite_hz)
    frequency = np.fft.rfftfreq(n, 1.0 / RATE)
    bins[1:] /= 2j * np.pi * frequency[1:]
    ramp = bins[0].real / n * np.arange(n) / RATE
    bins[0] = 0.0
    turns = np.fft.irfft(bins, n) + ramp
    return (level * np.exp(2j * np.pi * turns)).astype(np.complex64)


def on_air(composite_hz, *, cn_db=None, seed=1, level=0.5):
    """Composite (1.0 = 100 kHz) and channel.

    Without noise the composite is as given; with noise it is the phase steps of the channel, which
    droop (`phase_step=True`).
    """
    iq = carrier(composite_hz, level).astype(np.complex128)
    if cn_db is not None:
        rng = np.random.default_rng(seed)
        power = level**2 * 10.0 ** (-cn_db / 10.0) * RATE / 200_000.0
        shape = len(iq)
        iq += np.sqrt(power / 2.0) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
        steps = np.angle(iq * np.conj(np.concatenate([[iq[0]], iq[:-1]])))
        composite_hz = steps * RATE / (2.0 * np.pi)
    return (composite_hz / 1e5).astype(np.float32), iq.astype(np.complex64)


def noise_only(count=1, seed=1, level=0.1):
    rng = np.random.default_rng(seed)
    n = RATE * count
    iq = level * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    steps = np.angle(iq * np.conj(np.concatenate([[1.0], iq[:-1]]))) * RATE / (2.0 * np.pi)
    return (steps / 1e5).astype(np.float32), iq.astype(np.complex64)


def multiplex(left, right, *, pilot_hz=6_750.0, share_hz=66_250.0, clock=1.0):
    """Stereo multiplex in Hz of left and right ± 1, which are taken as they are (no emphasis)."""
    turn = 2.0 * np.pi * 19_000.0 * np.arange(len(left)) / RATE * clock
    middle, side = (left + right) / 2.0, (left - right) / 2.0
    return share_hz * (middle + side * np.sin(2.0 * turn)) + pilot_hz * np.sin(turn)
