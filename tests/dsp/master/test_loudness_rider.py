"""The rider: right in the end, still in pauses, bounded always."""

import numpy as np
import pytest

from dsp.master.loudness_rider import CELL_S, LoudnessRider
from dsp.measure.loudness import energy_of, integrated_lufs, lufs

TARGET = -16.0
SPEECH = energy_of(-23.0)


def ride(rider, energies, loss=1.0):
    """Run with a limiter that leaves the share `loss`; return what came out and the gains."""
    out, gains, gain_db = [], [], rider.gain_db
    for energy in energies:
        after = energy * 10 ** (gain_db / 10) * loss
        out.append(after)
        gain_db = rider.advance(energy, after)
        gains.append(gain_db)
    return np.array(out), np.array(gains)


def syllables(seconds, seed=1):
    rng = np.random.default_rng(seed)
    return SPEECH * 10 ** (rng.uniform(-6, 3, round(seconds / CELL_S)) / 10)


@pytest.mark.parametrize("start_db", [0.0, 4.0, 7.0, 12.0])
@pytest.mark.parametrize("loss", [1.0, 0.6])
def test_the_whole_programme_comes_out_right(start_db, loss):
    out, _ = ride(LoudnessRider(TARGET, start_db), syllables(30), loss)
    # Wrong by up to 7 dB at first: half a minute on, what is left is under 0.5 LU.
    assert integrated_lufs(np.repeat(out, 10)) == pytest.approx(TARGET, abs=0.5)


def test_a_constant_level_is_held_to_the_hundredth():
    out, _ = ride(LoudnessRider(TARGET, 7.0), np.full(1_000, SPEECH))
    assert lufs(out[-1]) == pytest.approx(TARGET, abs=0.01)


def test_nothing_moves_in_a_pause_and_less_than_its_slew_ever():
    rider = LoudnessRider(TARGET, 5.0)
    _, gains = ride(rider, syllables(10))
    _, still = ride(rider, np.full(80, 1e-12))
    # The 400 ms blocks at the edge still hold speech.
    assert np.ptp(still[4:]) == 0.0
    assert np.abs(np.diff(gains)).max() <= 0.4 + 1e-9


def test_after_ten_seconds_of_nothing_another_programme_begins():
    rider = LoudnessRider(TARGET, 7.0)
    ride(rider, np.full(50, SPEECH))
    assert rider.programme_lufs_energy[1] > 0.0
    ride(rider, np.full(105, 1e-12))
    assert rider.programme_lufs_energy == (0.0, 0.0)


def test_a_programme_wholly_under_the_gate_is_met_in_the_end():
    rider = LoudnessRider(TARGET, 7.0)
    ride(rider, np.full(100, SPEECH))
    _, gains = ride(rider, np.full(1_000, SPEECH * 10**-1.2))
    assert gains[-1] > gains[0] + 8.0


def test_the_gain_keeps_its_bounds():
    for energy in (1e3, 1e-9):
        _, gains = ride(LoudnessRider(TARGET, 0.0, most_gain_db=20.0), np.full(600, energy))
        assert np.abs(gains).max() <= 20.0
        assert np.isfinite(gains).all()


@pytest.mark.parametrize("bad", [(-60.0, 0.0), (-4.0, 0.0), (-16.0, 21.0)])
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        LoudnessRider(*bad)


def test_who_follows_is_as_loud_as_the_other_from_the_first_seconds_on():
    """Two chains that treat one programme differently, one of them begun 5 dB too soft."""
    programme = syllables(20)
    other = programme * 10 ** (np.random.default_rng(3).uniform(-2, 2, len(programme)) / 10)
    apart = {}
    for follows in (False, True):
        first, second = LoudnessRider(TARGET, 7.0), LoudnessRider(TARGET, 2.0)
        if follows:
            second.follow(first)
        outs = ([], [])
        for energies in zip(programme, other, strict=True):
            for rider, energy, out in zip((first, second), energies, outs, strict=True):
                out.append(energy * 10 ** (rider.gain_db / 10))
                rider.advance(energy, out[-1])
        loud = [integrated_lufs(np.repeat(np.array(out[:100]), 10)) for out in outs]
        apart[follows] = abs(loud[0] - loud[1])
    assert apart[True] < 0.5 * apart[False]
    assert apart[True] < 0.3


def test_whom_nobody_can_follow():
    first, second = LoudnessRider(TARGET), LoudnessRider(TARGET)
    second.follow(first)
    with pytest.raises(ValueError, match="leader"):
        first.follow(second)
    with pytest.raises(ValueError, match="leader"):
        first.follow(first)
    with pytest.raises(ValueError, match="target"):
        LoudnessRider(-20.0).follow(first)
