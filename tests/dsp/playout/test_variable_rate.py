"""Interpolation at any place: against sines, which are known everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.playout import variable_rate
from dsp.playout.variable_rate import REACH_AFTER, REACH_BEFORE, TAPS, read_at


@pytest.mark.parametrize("frequency", [0.001, 0.05, 0.2, 0.4])
@pytest.mark.parametrize("step", [1 / 6, 1 / 3, 0.9995, 1.0, 1.0003])
def test_a_sine_is_read_where_it_is(frequency, step):
    samples = np.sin(2 * np.pi * frequency * np.arange(3000)).astype(np.float32)
    got = read_at(samples, 20.37, step, 2500)
    places = 20.37 + step * np.arange(2500)
    wanted = np.sin(2 * np.pi * frequency * places)
    # Side lobes of -60 dB, and twice that where the slope begins.
    assert np.max(np.abs(got - wanted)) < 2e-3


def test_pieces_join_without_a_seam():
    samples = np.random.default_rng(1).standard_normal(2000).astype(np.float32)
    whole = read_at(samples, 20.0, 0.7, 1000)
    parts = [read_at(samples, 20.0 + 0.7 * at, 0.7, 100) for at in range(0, 1000, 100)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


@pytest.mark.parametrize("ppm", [0.0, 0.01, 3.0, -50.0, 100.0, 150.0, -400.0, 600.0])
@pytest.mark.parametrize("first", [15.0, 15.999, 20.37, 31.0 - 1e-9])
def test_few_convolutions_are_all_the_products(ppm, first, monkeypatch):
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(2000))
    spectrum[900:] = 0
    samples = np.fft.irfft(spectrum).astype(np.float32)
    got = read_at(samples, first, 1 + ppm * 1e-6, 960)
    monkeypatch.setattr(variable_rate, "_MOST_DRIFT", -1.0)
    wanted = read_at(samples, first, 1 + ppm * 1e-6, 960)
    assert np.sqrt(np.mean((got - wanted) ** 2) / np.mean(wanted**2)) < 1e-5  # -100 dB
    assert got.dtype == wanted.dtype == np.float32


@pytest.mark.parametrize("step", [1.0, 1.0005, 0.9995])
def test_the_last_sample_that_is_there_is_enough(step, monkeypatch):
    count = 960
    last = int(np.floor(20.2 + step * (count - 1)))
    samples = np.random.default_rng(2).standard_normal(last + REACH_AFTER + 1).astype(np.float32)
    got = read_at(samples, 20.2, step, count)
    monkeypatch.setattr(variable_rate, "_MOST_DRIFT", -1.0)
    np.testing.assert_allclose(got, read_at(samples, 20.2, step, count), atol=2e-4)


def test_every_sample_it_needs_and_no_other():
    samples = np.ones(TAPS, np.float32)
    assert read_at(samples, REACH_BEFORE, 1.0, 1) == pytest.approx(1.0, abs=1e-6)
    assert len(read_at(samples, REACH_BEFORE, 1.0, 0)) == 0
    with pytest.raises(ValueError, match="samples"):
        read_at(samples, REACH_BEFORE - 1, 1.0, 1)
    with pytest.raises(ValueError, match="samples"):
        read_at(samples[:-1], len(samples) - 1 - REACH_AFTER, 1.0, 1)
    with pytest.raises(ValueError, match="step"):
        read_at(samples, REACH_BEFORE, 2.0, 1)
