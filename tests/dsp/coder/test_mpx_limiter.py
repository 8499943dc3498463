"""BS.412: no 60 s over the target, wherever they begin; pilot and RDS stand; gains are smooth."""

import itertools
import math

import numpy as np
import pytest

from dsp.coder.mpx_limiter import CELL, MpxPowerLimiter, cell_power
from dsp.master.mpx_power import mean_square_hz2, mpx_power_dbr

RATE_HZ = 192_000
AUDIO_HZ, PILOT_HZ, RDS_HZ = 66_250.0, 6_750.0, 2_000.0
GRAIN = 512  # samples of one figure of the power series below


def make(limit_dbr=0.0, lines=1):
    return MpxPowerLimiter(
        lines, audio_hz=AUDIO_HZ, pilot_hz=PILOT_HZ, rds_hz=RDS_HZ, limit_dbr=limit_dbr
    )


def run(block, levels, seed=0):
    """Feed seconds of noise at `levels` (linear, one per second); return (input, output) RMS².

    Both per GRAIN samples, the output aligned; and every gain.
    """
    rng = np.random.default_rng(seed)
    noise = np.clip(rng.standard_normal(RATE_HZ), -3, 3).astype(np.float32) / 3
    given, gains = [], []
    for level in [*levels, 0.0]:
        piece = np.roll(noise, rng.integers(RATE_HZ)) * np.float32(level)
        out = block.process(np.ascontiguousarray(np.tile(piece, (block._filling.shape[0], 1))))
        given.append((piece.reshape(-1, GRAIN) ** 2).mean(axis=1))
        gains.append((out[0].reshape(-1, GRAIN).astype(np.float64) ** 2).mean(axis=1))
    return np.concatenate(given), np.concatenate(gains)[block.delay_samples // GRAIN :]


def worst_window_dbr(power):
    """MPX power of the worst 60 s, sliding by GRAIN, of an audio power series (mono)."""
    width = 60 * RATE_HZ // GRAIN
    sums = np.concatenate([[0.0], np.cumsum(power)])
    width = min(width, len(power))
    audio = (sums[width:] - sums[:-width]).max() / (60 * RATE_HZ // GRAIN)
    carriers = (PILOT_HZ**2 + RDS_HZ**2) / 2
    return mpx_power_dbr(audio * AUDIO_HZ**2 + carriers)


def speech(seconds, rng):
    """Levels of a talker: loud and soft seconds with pauses."""
    return rng.uniform(0.3, 1.0, seconds) * (rng.random(seconds) > 0.15)


PROGRAMMES = {
    "steady": np.full(150, 1.0),
    "a step after silence": np.r_[np.zeros(70), np.full(130, 1.0)],
    "bursts": np.tile(np.r_[np.full(16, 1.0), np.zeros(14)], 7),
    "speech": speech(200, np.random.default_rng(8)),
    "a minute on, a minute off": np.r_[np.ones(60), np.zeros(60), np.ones(75)],
    "ever louder": np.linspace(0, 1, 200),
}


@pytest.mark.parametrize("name", PROGRAMMES)
@pytest.mark.parametrize("limit_dbr", [0.0, -3.0])
def test_no_minute_is_over_the_target(name, limit_dbr):
    given, made = run(make(limit_dbr), PROGRAMMES[name])
    assert worst_window_dbr(given) > limit_dbr + 1.0  # the limiter has work to do
    assert worst_window_dbr(made) <= limit_dbr + 0.05


@pytest.mark.parametrize("limit_dbr", [0.0, -3.0])
def test_a_shout_after_a_minute_just_below_the_target(limit_dbr):
    """Nothing is left to spend, and the mean power of the programme says all is well."""
    room_hz2 = mean_square_hz2(limit_dbr - 0.05) - (PILOT_HZ**2 + RDS_HZ**2) / 2
    probe, _ = run(make(20.0), np.ones(2))
    level = math.sqrt(room_hz2 / AUDIO_HZ**2 / probe[: 2 * RATE_HZ // GRAIN].mean())
    block = make(limit_dbr)
    _, made = run(block, np.r_[np.full(75, level), np.full(40, 3.0)])
    assert worst_window_dbr(made) <= limit_dbr
    assert block.lowest_gain > 0.1  # and it does not spend so much that silence must follow


def per_second(power):
    """Mean of every whole second of a power series."""
    cells = RATE_HZ // GRAIN
    return power[: len(power) // cells * cells].reshape(-1, cells).mean(axis=1)


def test_steady_programme_comes_to_stand_just_below_the_target():
    _, made = run(make(), np.full(240, 0.9))
    late = per_second(made)[90:230]
    carriers = (PILOT_HZ**2 + RDS_HZ**2) / 2
    assert mpx_power_dbr(late.mean() * AUDIO_HZ**2 + carriers) == pytest.approx(-0.1, abs=0.12)
    assert 10 * np.log10(late.max() / late.min()) < 0.5  # it does not breathe


def test_after_silence_no_second_is_swallowed():
    """A minute's unspent power must not be burnt at once and then paid for with silence."""
    _, made = run(make(), np.r_[np.zeros(70), np.full(130, 0.9)])
    loud = 10 * np.log10(per_second(made)[72:195])
    assert loud.min() > np.median(loud) - 1.5


def test_below_the_target_nothing_is_touched():
    block = make()
    rng = np.random.default_rng(2)
    planes = (rng.standard_normal((1, 70 * CELL)) * 0.1).astype(np.float32)
    out = block.process(planes)
    np.testing.assert_array_equal(out[:, 2 * CELL :], planes[:, : -2 * CELL])
    assert block.lowest_gain == 1.0


def test_gains_change_slowly_on_a_programme():
    block = make(-2.0)
    rng = np.random.default_rng(4)
    gains = []
    for level in speech(200, rng):
        piece = (rng.standard_normal((1, CELL)) * level / 3).astype(np.float32)
        for _ in range(19):
            block.process(piece)
            gains.append(block.gain)
    steps_db = np.abs(np.diff(20 * np.log10(gains)))
    assert steps_db.max() < 0.7  # 12 dB/s are 0.64 dB a cell
    assert np.std(20 * np.log10(gains[1_200:])) < 1.5


def test_cut_anywhere():
    planes = np.random.default_rng(1).standard_normal((2, 9 * CELL)).astype(np.float32)
    whole = make(-6.0, 2).process(planes)
    cuts = [0, 1, 2, CELL - 1, CELL, 3 * CELL + 77, 8 * CELL, 9 * CELL]
    block = make(-6.0, 2)
    parts = [block.process(planes[:, a:b].copy()) for a, b in itertools.pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    block.reset()
    np.testing.assert_array_equal(block.process(planes), whole)


def test_the_power_of_a_cell():
    rng = np.random.default_rng(6)
    planes = rng.standard_normal((2, CELL)).astype(np.float32)
    middle, side = planes.sum(axis=0) / 2, (planes[0] - planes[1]) / 2
    wanted = np.mean(middle.astype(np.float64) ** 2 + side.astype(np.float64) ** 2 / 2)
    # 16 lanes of 16 float32 terms between float64 sums: 2e-6.
    assert cell_power(planes) == pytest.approx(wanted, rel=5e-6)
    assert cell_power(planes[:1].copy()) == pytest.approx(
        np.mean(planes[0].astype(np.float64) ** 2), rel=5e-6
    )


def test_a_limit_that_leaves_nothing_is_refused():
    carriers = (PILOT_HZ**2 + RDS_HZ**2) / 2
    reach = mpx_power_dbr(carriers)
    assert mean_square_hz2(reach) == pytest.approx(carriers)
    with pytest.raises(ValueError, match="mpx_limit_dbr: expected more than pilot and RDS"):
        make(math.floor(reach))
