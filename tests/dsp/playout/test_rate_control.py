"""The control of the rate: crystals off by hundreds of ppm, jumps, noise on the clock."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.playout.rate_control import JUMP_S, LIMIT_PPM, RateControl


def run(ppm, seconds=120.0, noise_s=0.0, first_s=0.0, block_s=0.02, seed=1):
    """Return the errors of the place in s, block by block, of a card that is `ppm` too fast."""
    rng = np.random.default_rng(seed)
    control, error, errors, rates = RateControl(), first_s, [], []
    for _ in range(int(seconds / block_s)):
        rate = control.rate(error + noise_s * rng.standard_normal(), block_s)
        assert rate is not None
        # The card plays a block in less than its time: reading at rate 1 runs ahead.
        error -= block_s * (rate * (1 + ppm * 1e-6) - 1)
        errors.append(error)
        rates.append(rate)
    return np.array(errors), np.array(rates), control


@pytest.mark.parametrize("ppm", [-200, -100, 0, 100, 200])
def test_a_wrong_crystal_leaves_no_lasting_error(ppm):
    errors, rates, control = run(ppm)
    assert np.max(np.abs(errors)) <= 0.65e-6 * abs(ppm) + 1e-12
    assert np.max(np.abs(errors[-1000:])) < 1e-7
    assert control.crystal_ppm == pytest.approx(-ppm, abs=1)
    assert np.max(np.abs(rates - 1)) <= LIMIT_PPM * 1e-6


def test_a_wrong_beginning_is_worked_off():
    errors, _, _ = run(50, first_s=0.005)
    assert abs(errors[0]) > 0.004
    assert np.max(np.abs(errors[-1000:])) < 1e-6


def test_a_clock_read_with_a_millisecond_of_noise_moves_it_by_little():
    errors, _, _ = run(100, seconds=300, noise_s=1e-3)
    assert np.std(errors[5000:]) < 1.5e-4


def test_far_off_is_a_jump():
    control = RateControl()
    assert control.rate(JUMP_S * 1.01, 0.02) is None
    assert control.rate(-JUMP_S * 1.01, 0.02) is None
    assert control.rate(JUMP_S, 0.02) is not None


def test_reset_forgets():
    _, _, control = run(200)
    control.reset()
    assert control.crystal_ppm == 0.0
