"""Blocks of the receiver against slow twins and known answers of their own."""

import math

import numpy as np
import pytest

from dsp.receive.composite.composite_bank import CompositeBank, density_scale
from dsp.receive.composite.composite_filter import composite_response, step_droop
from dsp.receive.composite.grid import AHEAD, BACK, BATCH, BIN_HZ, BINS, HOP, HOPS, RATE_HZ
from dsp.receive.meters.audio_loudness import AudioLoudness, noise_energy
from dsp.receive.meters.carrier_offset import offset_of, offset_ppm
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.noise_floor import NoiseFloor


def batch_of(wave):
    return np.ascontiguousarray(wave[: BACK + BATCH + AHEAD], np.float32)


@pytest.mark.parametrize("phase_step", [False, True])
def test_the_measuring_filter_is_flat_to_60_khz_and_stops(phase_step):
    response = composite_response(phase_step=phase_step).astype(np.float64)
    frequency = np.arange(BINS) * BIN_HZ
    if phase_step:
        response *= step_droop(frequency)
    inside = 20 * np.log10(response[frequency <= 60_000])
    assert np.abs(inside).max() < 0.004
    assert np.abs(response[frequency >= 68_500]).max() < 10 ** (-65 / 20)


def test_the_filtered_composite_is_the_input_where_it_is_flat():
    rng = np.random.default_rng(1)
    n = BACK + BATCH + AHEAD
    keep = np.fft.rfftfreq(n, 1.0 / RATE_HZ) < 59_000
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * keep, n)
    bank = CompositeBank(de_emphasis_us=50.0)
    bank.measure(batch_of(wave))
    for h in range(HOPS):
        own = bank.composite[h, BACK : BACK + HOP]
        np.testing.assert_allclose(own, wave[BACK + h * HOP :][:HOP], atol=3e-3)


def test_a_step_does_not_overshoot_beyond_a_linear_phase_filter():
    wave = np.zeros(BACK + BATCH + AHEAD)
    wave[60_000:] = 0.5
    bank = CompositeBank(de_emphasis_us=50.0)
    bank.measure(batch_of(wave))
    top = bank.composite[:, BACK : BACK + HOP]
    # Gibbs: 9 % of the step, to both sides alike.
    assert top.max() == pytest.approx(0.545, abs=0.01)
    assert top.min() == pytest.approx(-0.045, abs=0.01)


def test_hann_powers_have_the_density_of_white_noise():
    rng = np.random.default_rng(2)
    bank = CompositeBank(de_emphasis_us=50.0)
    bank.measure(batch_of(rng.standard_normal(BACK + BATCH + AHEAD)))
    used = bank.powers[100:1_990]
    assert used.mean() * density_scale() == pytest.approx(2e10 / RATE_HZ, rel=0.025)


def test_noise_floor_reads_a_parabola_and_ignores_what_only_adds():
    frequency = np.arange(BINS) * BIN_HZ
    wanted = 1e-9
    powers = wanted * frequency**2 / density_scale()
    reading = NoiseFloor().read(powers, 40)
    assert reading.n0_over_c == pytest.approx(wanted, rel=0.05)
    assert reading.cn_db == pytest.approx(-10 * math.log10(wanted * 200_000), abs=0.2)
    powers[(frequency > 64_000) & (frequency < 70_000)] *= 1e4  # another subcarrier
    powers[(frequency > 15_000) & (frequency < 17_000)] *= 1e4  # audio that leaks
    assert NoiseFloor().read(powers, 40).n0_over_c == pytest.approx(wanted, rel=0.05)


def test_offset_is_not_moved_by_bass():
    time = np.arange(RATE_HZ) / RATE_HZ
    for bass_hz in (20.3, 40.7, 81.9, 121.5):
        composite = 60_000.0 * np.sin(2 * np.pi * bass_hz * time) + 700.0
        totals = (composite / 1e5).reshape(-1, 160).sum(axis=1)
        assert abs(composite.mean() - 700.0) > 20.0
        assert offset_of(totals).value == pytest.approx(700.0, abs=6.0)


def test_ppm_carries_the_oscillator():
    figure = offset_ppm(Figure(1_000.0, 10.0), 100e6, 1.0)
    assert figure.value == pytest.approx(10.0)
    assert figure.u == pytest.approx(math.hypot(0.1, 1.0))
    assert offset_ppm(Figure.missing("gap"), 1e8, 1.0).invalid == "gap"


def test_a_figure_is_never_bare():
    with pytest.raises(AssertionError):
        Figure(1.0, None)
    with pytest.raises(AssertionError):
        Figure(math.nan, 1.0)
    with pytest.raises(AssertionError):
        Figure(1.0, -1.0)
    assert Figure(1.0, 0.1).because("gap") == Figure(1.0, 0.1, "gap")
    assert Figure(1.0, 0.1).because(None) == Figure(1.0, 0.1)
    assert Figure.missing("gap").because("weak") == Figure.missing("gap")


def sine(level, count, frequency=997.0):
    wave = level * np.sin(2 * np.pi * frequency * np.arange(48_000 * count) / 48_000)
    return np.ascontiguousarray(np.stack([wave, wave], axis=1), np.float32)


def test_997_hz_in_both_channels_is_the_known_answer():
    meter = AudioLoudness()
    for second in range(4):
        meter.add(sine(1.0, 1))
        meter.close_second()
        early = meter.short_term(0.0, 0.0)
        assert (early is None) == (second < 2)
    # BS.1770: a 0 dBFS sine of 997 Hz in one channel is -3.01 LKFS, in both 0.00.
    assert meter.momentary(0.0, 0.0)[0] == pytest.approx(0.0, abs=0.01)
    assert meter.momentary(-23.0, 0.0)[0] == pytest.approx(-23.0, abs=0.01)
    assert meter.integrated_lufs(0.0) == pytest.approx(0.0, abs=0.03)


def test_the_relative_gate_is_10_lu():
    # facts.md 3.1: 30 s at -20 and 30 s at -31.5 are -22.71 by a gate of -10, -20.0 by one of -8.
    meter = AudioLoudness()
    for level in (-20.0, -31.5):
        for _ in range(30):
            meter.add(sine(10 ** (level / 20), 1, 1_000.0))
            meter.close_second()
    assert meter.integrated_lufs(0.0) == pytest.approx(-22.71, abs=0.05)


def test_loudness_of_noise_is_taken_off():
    rng = np.random.default_rng(3)
    frames = sine(0.01, 1) + 0.003 * rng.standard_normal((48_000, 2)).astype(np.float32)
    noisy, clean, alone = AudioLoudness(), AudioLoudness(), AudioLoudness()
    noisy.add(frames)
    clean.add(sine(0.01, 1))
    alone.add(np.ascontiguousarray(frames - sine(0.01, 1)))
    energy = 10 ** ((alone.momentary(0.0, 0.0)[0] + 0.691) / 10)
    corrected, spread = noisy.momentary(0.0, energy)
    assert abs(noisy.momentary(0.0, 0.0)[0] - clean.momentary(0.0, 0.0)[0]) > 0.3
    assert corrected == pytest.approx(clean.momentary(0.0, 0.0)[0], abs=max(4 * spread, 0.05))
    assert noisy.momentary(0.0, 100.0) is None
    assert noise_energy(1e-9, 50.0, 1.0) > 20 * noise_energy(1e-9, 50.0, 0.0)
