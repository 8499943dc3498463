"""FM demodulation as the textbook has it, in float64 and without blocks."""

import numpy as np


def demodulated(iq, equaliser, rate_hz, full_scale_hz=100_000.0):
    """Phase steps of `iq`, then the equaliser, both started from silence."""
    before = np.concatenate([[0], iq[:-1]]).astype(np.complex128)
    step_rad = np.angle(iq.astype(np.complex128) * np.conj(before))
    step_rad[np.abs(before) == 0] = 0.0
    deviation = step_rad * rate_hz / (2 * np.pi) / full_scale_hz
    return np.convolve(deviation, equaliser)[: len(iq)]


def fm_tone(n, rate_hz, tone_hz, deviation_hz, offset_hz=0.0, phase=0.0):
    """A carrier frequency-modulated by a cosine, complex64 (n,); exact, not integrated."""
    t = np.arange(n) / rate_hz
    swing = deviation_hz / tone_hz * np.sin(2 * np.pi * tone_hz * t + phase)
    return np.exp(1j * (2 * np.pi * offset_hz * t + swing)).astype(np.complex64)
