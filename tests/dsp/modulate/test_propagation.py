"""Reflections against e^{-jωτ}, fading against its moments, and the sum of a band."""

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.modulate.band import KNOT, Band
from dsp.modulate.propagation import Multipath, Ray, fading_gain
from tests.dsp.stream_contract_suite import StreamContract, iq_piece


def carrier(frequency_hz, rate_hz, n=20_000):
    return np.exp(2j * np.pi * frequency_hz * np.arange(n) / rate_hz).astype(np.complex64)


class TestMultipath(StreamContract):
    kind = "iq"

    def make(self):
        return Multipath(2_400_000, 0.7e6, (Ray(5.3, -3.0, 90.0), Ray(17.0, -9.0, -20.0)))


@pytest.mark.parametrize("rate_hz", [288_000, 1_000_000, 2_400_000, 3_200_000])
@pytest.mark.parametrize("delay_us", [0.1, 5.3, 20.0])
def test_a_ray_is_an_exact_delay_over_the_width_of_the_station(rate_hz, delay_us):
    centre_hz = 0.0 if rate_hz < 400_000 else 0.25 * rate_hz
    gain, turn = 10 ** (-3 / 20), np.exp(1j * np.radians(130.0))
    for away_hz in (-130e3, -40e3, 0.0, 130e3):
        block = Multipath(rate_hz, centre_hz, (Ray(delay_us, -3.0, 130.0),))
        x = carrier(centre_hz + away_hz, rate_hz)
        y = block.process(x)
        # The carrier turns by what the ray says, a side band by its distance from the carrier.
        lag = np.exp(-2j * np.pi * away_hz * delay_us * 1e-6)
        wanted = (1 + gain * turn * lag) * x[: len(x) - block.delay_samples]
        settled = 400
        found = y[block.delay_samples :]
        np.testing.assert_allclose(found[settled:], wanted[settled:], rtol=0, atol=3e-4)


def test_no_ray_is_no_change():
    iq = iq_piece(2_000)
    block = Multipath(2_400_000, 0.0, ())
    assert block.delay_samples == 0
    np.testing.assert_array_equal(block.process(iq), iq)


@pytest.mark.parametrize("rays", [(Ray(-1.0, 0.0),), (Ray(101.0, 0.0),), (Ray(1.0, 0.0),) * 17])
def test_rays_beyond_the_limits_are_refused(rays):
    with pytest.raises(ValueError, match="expected"):
        Multipath(2_400_000, 0.0, rays)


@pytest.mark.parametrize("k_db", [-20.0, 0.0, 10.0])
def test_fading_has_unit_power_and_the_depth_of_its_k(k_db):
    gain = fading_gain(np.arange(0.0, 4_000.0, 0.1), doppler_hz=0.7, k_db=k_db, seed=3)
    power = np.abs(gain) ** 2
    # About 2 800 independent fades: 2 % of standard error where all waves are scattered.
    assert power.mean() == pytest.approx(1.0, abs=0.06)
    # Variance of Rician power: (1 + 2 K) / (1 + K)^2.
    ratio = 10 ** (k_db / 10)
    assert power.var() == pytest.approx((1 + 2 * ratio) / (1 + ratio) ** 2, rel=0.15)


def test_fading_is_a_function_of_time_and_seed():
    seconds = np.linspace(0, 10, 300)
    one = fading_gain(seconds, doppler_hz=1.0, k_db=3.0, seed=1)
    np.testing.assert_array_equal(
        fading_gain(seconds[100:], doppler_hz=1.0, k_db=3.0, seed=1), one[100:]
    )
    assert np.abs(fading_gain(seconds, doppler_hz=1.0, k_db=3.0, seed=2) - one).max() > 0.1


def test_a_band_is_the_sum_of_its_stations_at_their_gains():
    band = Band()
    rng = np.random.default_rng(4)
    one, other = iq_piece(2_000, seed=1), iq_piece(2_000, seed=2)
    begin = 1_000
    band.start(begin, len(one))
    knots = np.array(band.knots())
    assert knots[0] <= begin
    assert knots[-1] >= begin + len(one)
    gains = (rng.standard_normal(len(knots)) + 1j * rng.standard_normal(len(knots))).astype("c8")
    band.add(one, gains)
    band.add(other, np.ones(len(knots), np.complex64))
    place = begin + np.arange(len(one))
    gain = np.interp(place, knots, gains.real) + 1j * np.interp(place, knots, gains.imag)
    np.testing.assert_allclose(band.iq, one * gain + other, atol=2e-6)


def test_a_band_cut_anywhere_has_the_same_gain():
    iq = iq_piece(5_000)

    def level(knots):
        return (0.5 + 1e-4 * np.array(knots)).astype(np.complex64)

    def run(cuts):
        band, parts = Band(), []
        for begin, end in zip([0, *cuts], [*cuts, len(iq)], strict=True):
            band.start(begin, end - begin)
            band.add(iq[begin:end], level(band.knots()))
            parts.append(band.iq.copy())
        return np.concatenate(parts)

    np.testing.assert_allclose(run([1, KNOT, 700, 4_999]), run([]), atol=1e-6)


def test_what_does_not_fit_the_band_is_refused():
    band = Band()
    band.start(0, 100)
    gains = np.ones(len(band.knots()), np.complex64)
    with pytest.raises(ValueError, match="expected 100"):
        band.add(iq_piece(99), gains)
    with pytest.raises(BlockContractError):
        band.add(np.full(100, np.nan, np.complex64), gains)
