"""The shape of a bit: the standard's spectrum, no interference between bits, unit power."""

import numpy as np
import pytest

from dsp.receive.rds import symbols as rds_symbols
from dsp.receive.rds.shape import (
    BASEBAND_RATE_HZ,
    HALF_TAPS,
    SAMPLES_PER_BIT,
    bit_pulse,
    matched_taps,
    shaping_impulse,
)


def test_spectrum_is_the_half_cosine_of_the_standard():
    # IEC 62106: H(f) = cos(π f td / 4) up to 2 / td, nothing above. x in bits, f in 1 / td.
    x = np.arange(-64 * 32, 64 * 32) / 32.0
    for f in (0.0, 0.5, 1.0, 1.5, 1.9, 2.3, 4.0):
        found = np.sum(shaping_impulse(x) * np.cos(2 * np.pi * f * x)) / 32.0
        wanted = np.cos(np.pi * f / 4) if f <= 2.0 else 0.0
        assert found == pytest.approx(wanted, abs=2e-4)


def test_pulse_has_unit_energy_per_bit():
    x = np.arange(-32 * 64, 32 * 64 + 1) / 64.0
    assert np.sum(bit_pulse(x) ** 2) / 64.0 == pytest.approx(1.0, abs=1e-6)


def test_matched_filter_reads_one_bit_and_not_its_neighbours():
    k = np.arange(-HALF_TAPS, HALF_TAPS + 1) / SAMPLES_PER_BIT
    for shift in range(-6, 7):
        found = float(np.dot(matched_taps(), bit_pulse(k + shift)))
        assert found == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-4)


def test_matched_filter_is_deaf_to_the_stereo_side_band():
    # It ends at 53 kHz, 4 kHz below the subcarrier.
    f = np.arange(4_000, 6_000, 10.0)
    k = np.arange(-HALF_TAPS, HALF_TAPS + 1)
    response = np.exp(-2j * np.pi * f[:, None] * k / BASEBAND_RATE_HZ) @ matched_taps()
    peak = np.exp(-2j * np.pi * 1187.5 * k / BASEBAND_RATE_HZ) @ matched_taps()
    assert 20 * np.log10(np.abs(response).max() / abs(peak)) < -85


def test_clock_lines_have_the_weights_that_the_receiver_gives_them():
    # E|y|² over a bit of random data: the sum of the squared cascade at all distances.
    x = np.arange(-8 * 32, 8 * 32 + 1) / 32.0
    energy = [
        sum((np.dot(bit_pulse(x), bit_pulse(x + m + at / 32)) / 32.0) ** 2 for m in range(-8, 9))
        for at in range(32)
    ]
    lines = np.fft.rfft(energy).real / 32
    assert lines[1] == pytest.approx(rds_symbols._RIPPLE_1, rel=1e-3)
    assert lines[2] == pytest.approx(rds_symbols._RIPPLE_2, rel=1e-3)
