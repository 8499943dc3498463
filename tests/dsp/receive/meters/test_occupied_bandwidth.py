"""Occupied bandwidth, 26 dB and the mask on spectra that Bessel functions give."""

import numpy as np
import pytest
import scipy.fft
from scipy.special import jv

from dsp.receive.composite.grid import RATE_HZ
from dsp.receive.meters.channel_spectrum import BIN_HZ, POINTS, ChannelSpectrum
from dsp.receive.meters.occupied_bandwidth import (
    beta_half_hz,
    edges_hz_per_share,
    occupied_bandwidth,
)
from dsp.receive.meters.spectrum_mask import held_noise, mask_margin
from tests.dsp.receive.radio import carrier, on_air, tone
from tests.naive import receiver as naive


def mean_spectrum(iq):
    spectrum = ChannelSpectrum()
    seconds = [spectrum.mean(second) for second in iq.reshape(-1, RATE_HZ)]
    return spectrum, np.mean(seconds, axis=0)


@pytest.mark.parametrize(("beta", "fm"), [(1.0, 15_000.0), (2.0, 15_000.0), (5.0, 15_000.0)])
def test_lines_stand_where_bessel_puts_them(beta, fm):
    _, powers = mean_spectrum(np.exp(1j * tone(fm, beta)).astype(np.complex64))
    # facts.md 2.2: levels of lines n = 0 … 5 in dBc.
    for n in range(6):
        place = POINTS // 2 + round(n * fm / BIN_HZ)
        level = powers[place - 40 : place + 41].sum()
        if jv(n, beta) ** 2 < 1e-4:  # the leakage of the strong lines beside it is known on average
            continue
        assert 10 * np.log10(level) == pytest.approx(20 * np.log10(abs(jv(n, beta))), abs=0.15)


def test_the_power_is_that_of_the_carrier():
    _, powers = mean_spectrum(carrier(tone(1_000, 40_000.0), level=0.5))
    assert powers.sum() == pytest.approx(0.25, rel=2e-3)


def test_two_tones_hold_half_a_percent_outside():
    powers = np.zeros(POINTS)
    powers[100], powers[200], powers[300] = 0.004, 0.992, 0.004
    # Neither outer line reaches half a percent: both edges lie within the middle one.
    assert beta_half_hz(powers) < BIN_HZ
    powers[100] = powers[300] = 0.02
    assert beta_half_hz(powers) == pytest.approx(200 * BIN_HZ, abs=BIN_HZ)


def test_beta_is_that_of_the_twin():
    _, powers = mean_spectrum(carrier(tone(997, 60_000.0) + tone(13_001, 9_000.0)))
    figure, _ = occupied_bandwidth(powers, 0.0, 0.01, 130_000.0)
    assert figure.value == pytest.approx(naive.bandwidth(powers, BIN_HZ), abs=2 * BIN_HZ)


@pytest.mark.parametrize("cn_db", [40, 30, 20])
def test_noise_does_not_widen_it(cn_db):
    composite = tone(1_000, 50_000.0)
    _, clean = mean_spectrum(carrier(composite))
    truth, _ = occupied_bandwidth(clean, 0.0, 0.0, 130_000.0)
    _, iq = on_air(composite, cn_db=cn_db)
    _, powers = mean_spectrum(iq)
    density = 10.0 ** (-cn_db / 10.0) / 200_000.0
    figure, _ = occupied_bandwidth(powers, density, 0.03, 130_000.0)
    raw, _ = occupied_bandwidth(powers, 0.0, 0.0, 130_000.0)
    assert abs(figure.value - truth.value) < 2_000.0
    assert abs(figure.value - truth.value) <= max(2.0 * figure.u, 300.0)
    if cn_db == 20:
        assert abs(raw.value - truth.value) > 3_000.0


def test_a_flat_edge_is_less_sure_than_a_steep_one():
    """Of a rectangle 48 kHz wide a share of the power is 48 kHz at either edge."""
    powers = np.zeros(POINTS)
    powers[1_500:2_250] = 1.0
    assert edges_hz_per_share(powers) == pytest.approx(np.sqrt(2.0) * 48_000.0, rel=0.01)
    flat, _ = occupied_bandwidth(powers, 0.0, 0.0, 130_000.0)
    skirts = powers + 4e-3
    wide, _ = occupied_bandwidth(skirts, 0.0, 0.0, 130_000.0)
    assert wide.u > flat.u
    assert edges_hz_per_share(np.zeros(POINTS)) == 0.0


def test_26_db_of_a_rectangle():
    powers = np.full(POINTS, 1e-6)
    powers[2_000:2_753] = 1.0
    _, figure = occupied_bandwidth(powers, 0.0, 0.01, 130_000.0)
    assert figure.value == pytest.approx(753 * BIN_HZ, abs=32 * BIN_HZ)


def test_nothing_and_too_much_are_told():
    nothing, _ = occupied_bandwidth(np.zeros(POINTS), 1.0, 0.1, 130_000.0)
    assert nothing.invalid == "no signal"
    wide, _ = occupied_bandwidth(np.ones(POINTS), 0.0, 0.0, 130_000.0)
    assert wide.invalid == "wider than the channel filter"


def test_mask_is_kept_by_75_khz_and_broken_by_120():
    spectrum, _ = mean_spectrum(carrier(tone(1_000, 70_000.0)))
    kept = mask_margin(spectrum.held, 0.0, 75_000.0, 130_000.0)
    spectrum, _ = mean_spectrum(carrier(tone(1_000, 120_000.0)))
    broken = mask_margin(spectrum.held, 0.0, 75_000.0, 130_000.0)
    assert kept.value >= -1.5
    assert broken.value < -5.0


@pytest.mark.parametrize("cn_db", [15.0, 20.0, 30.0])
def test_the_receivers_own_noise_breaks_no_mask(cn_db):
    _, iq = on_air(tone(1_000, 30_000.0, 2), cn_db=cn_db, level=0.5)
    spectrum, _ = mean_spectrum(iq)
    noise = held_noise(0.25 * 10.0 ** (-cn_db / 10.0) / 200_000.0, spectrum.held_frames)
    # What is expected is what is there: beyond 100 kHz there is noise alone.
    outside = np.abs(np.fft.fftfreq(42, 1.0 / RATE_HZ)) > 80_000.0
    assert 10.0 * np.log10(spectrum.held[outside].mean() / noise) == pytest.approx(0.0, abs=1.0)
    figure = mask_margin(spectrum.held, 0.0, 75_000.0, 130_000.0, noise)
    assert figure.invalid is None
    assert figure.value > 0.0
    if cn_db < 30.0:
        assert mask_margin(spectrum.held, 0.0, 75_000.0, 130_000.0).value < 0.0


def test_a_mask_is_broken_by_splatter_noise_or_not():
    _, iq = on_air(tone(1_000, 120_000.0, 2), cn_db=20.0, level=0.5)
    spectrum, _ = mean_spectrum(iq)
    noise = held_noise(0.25 * 0.01 / 200_000.0, spectrum.held_frames)
    assert mask_margin(spectrum.held, 0.0, 75_000.0, 130_000.0, noise).value < -5.0


def test_mask_is_for_75_khz_only():
    held = np.ones(42, np.float32)
    assert "not applicable" in mask_margin(held, 0.0, 50_000.0, 130_000.0).invalid
    assert mask_margin(held * 0, 0.0, 75_000.0, 130_000.0).invalid == "no signal"


def test_a_line_reads_its_power_in_the_hold():
    bins = round(RATE_HZ / 42)
    held = mean_spectrum(carrier(np.full(RATE_HZ, 3.0 * RATE_HZ / 42)))[0].held
    assert scipy.fft.fftfreq(42, 1.0 / RATE_HZ)[np.argmax(held)] == pytest.approx(3 * bins, abs=9)
    assert held.max() == pytest.approx(0.25, rel=1e-3)


def test_every_moment_counts_alike():
    # Bursts of wide deviation at the pitch of a voice, in step with windows of 5 ms.
    time = np.arange(RATE_HZ) / RATE_HZ
    composite = 40_000.0 * np.sin(2 * np.pi * 200.0 * time) ** 9
    iq = carrier(composite)
    _, powers = mean_spectrum(iq)
    figure, _ = occupied_bandwidth(powers, 0.0, 0.0, 130_000.0)
    lines = np.abs(np.fft.fftshift(np.fft.fft(iq))) ** 2
    assert figure.value == pytest.approx(naive.bandwidth(lines, 1.0), abs=400.0)


def test_the_leakage_of_a_frame_is_taken_off():
    # A line between two bins keeps its power together: little beyond 2 kHz, nothing lost.
    _, powers = mean_spectrum(carrier(np.full(RATE_HZ, 1_000.0 + BIN_HZ / 3)))
    place = POINTS // 2 + round(1_000.0 / BIN_HZ)
    assert powers.sum() == pytest.approx(0.25, rel=1e-3)
    far = powers.sum() - powers[place - 31 : place + 32].sum()
    assert abs(far) < 4e-3 * 0.25
