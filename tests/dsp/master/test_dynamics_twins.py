"""Leveller, expander and compressor against their slow twins, and the decibels by the row."""

import numba
import numpy as np
import pytest

from dsp.master.compressor import Compressor, CompressorSettings
from dsp.master.crossover import band_block
from dsp.master.decibels import db_to_gains, powers_to_db
from dsp.master.expander import Expander, ExpanderSettings
from dsp.master.leveller import Leveller, LevellerSettings
from dsp.master.state_space import COLUMNS
from tests.naive import dynamics

# float32 samples under float32 lines of gain: half a step each of a signal of up to 3, twice over.
TOLERANCE = 1.5e-6


def talk(rate_hz, channels, seconds=0.5, seed=3):
    """Noise in syllables of 20 ms to 60 ms whose levels lie up to 60 dB apart, with pauses."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    levels = []
    while len(levels) < n:
        levels += [10.0 ** rng.uniform(-3.0, -0.2)] * round(rng.uniform(0.02, 0.06) * rate_hz)
        levels += [1e-5] * round(rng.uniform(0.0, 0.03) * rate_hz)
    noise = rng.standard_normal((n, channels)) * np.array(levels[:n])[:, None]
    return np.ascontiguousarray(noise, np.float32)


FORMS = [(8_000, 1), (24_000, 1), (44_100, 2), (48_000, 2)]


@pytest.mark.parametrize(("rate_hz", "channels"), FORMS)
def test_the_leveller_is_its_rule(rate_hz, channels):
    frames = talk(rate_hz, channels)
    settings = LevellerSettings(-26.0, -45.0, 12.0, 9.0, 0.02, 0.3, 0.05, 4.0)
    heard = Leveller(rate_hz, channels, settings).process(frames)
    wanted = dynamics.levelled(frames, rate_hz, settings)
    assert np.abs(wanted - frames).max() > 0.05
    np.testing.assert_allclose(heard, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("rate_hz", "channels"), FORMS)
def test_the_expander_is_its_rule(rate_hz, channels):
    frames = talk(rate_hz, channels)
    settings = ExpanderSettings(-20.0, 3.0, 15.0, 0.004, 0.003, 0.01, 0.02, 0.005)
    block = Expander(rate_hz, channels, settings)
    heard = block.process(frames)
    wanted = dynamics.expanded(frames, rate_hz, settings)
    late = wanted[block.delay_samples :] - frames[: len(frames) - block.delay_samples]
    assert np.abs(late).max() > 0.01
    np.testing.assert_allclose(heard, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (24_000, 1), (44_100, 2)])
@pytest.mark.parametrize("gate_dbfs", [-60.0, -25.0])
def test_the_compressor_is_its_rule(rate_hz, channels, gate_dbfs):
    frames = talk(rate_hz, channels, 0.15, seed=4)
    corners_hz = tuple(share * rate_hz for share in (0.02, 0.06, 0.15))
    settings = CompressorSettings(corners_hz, (-40.0, -44.0, -42.0, -46.0), gate_dbfs, hold_s=0.01)
    heard = Compressor(rate_hz, channels, settings).process(frames)
    idle = CompressorSettings(corners_hz, (60.0,) * 4, gate_dbfs)
    assert np.abs(heard - Compressor(rate_hz, channels, idle).process(frames)).max() > 0.01
    wanted = dynamics.compressed(frames, rate_hz, settings)
    # The bands are float32 as well: 24 terms and 12 states of about the signal's size.
    np.testing.assert_allclose(heard, wanted, rtol=0, atol=3 * TOLERANCE)


RATES_HZ = [8_000, 11_025, 16_000, 22_050, 37_800, 47_000, 96_000, 192_000]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_rate_has_a_block_that_fits_its_period(rate_hz):
    period = round(rate_hz / 1000)
    block = band_block(period)
    assert period % block == 0
    assert (block * COLUMNS) % period == 0


def test_decibels_by_the_row():
    rng = np.random.default_rng(0)
    powers = np.concatenate((10.0 ** rng.uniform(-19, 6, 4_000), [1.0, 0.5, 2.0, 0.0, 1e-300]))
    levels, gains = np.empty_like(powers), np.empty_like(powers)
    numba.njit(powers_to_db.py_func)(powers, levels)
    np.testing.assert_allclose(levels, dynamics.decibels(powers), rtol=0, atol=1e-11)
    numba.njit(db_to_gains.py_func)(levels, gains)
    np.testing.assert_allclose(gains, 10.0 ** (levels / 20.0), rtol=1e-10)
