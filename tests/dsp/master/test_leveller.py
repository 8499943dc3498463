import numpy as np
import pytest

from dsp.master.expander import Expander, ExpanderSettings
from dsp.master.level_detector import ControlGrid
from dsp.master.leveller import Leveller, LevellerSettings
from tests.dsp.contract_suite import BlockContract

RATE_HZ = 48_000


class TestLeveller(BlockContract):
    def make(self):
        return Leveller(RATE_HZ, 2, LevellerSettings(-26.0, -50.0))


class TestExpander(BlockContract):
    def make(self):
        return Expander(RATE_HZ, 2, ExpanderSettings(-30.0))


def noise(level_dbfs, seconds, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.standard_normal((round(seconds * RATE_HZ), 1)) * 10 ** (level_dbfs / 20)
    return frames.astype(np.float32)


def level_db(frames):
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2))


@pytest.mark.parametrize("level_dbfs", [-40.0, -26.0, -12.0])
def test_speech_arrives_at_the_target(level_dbfs):
    heard = Leveller(RATE_HZ, 1, LevellerSettings(-26.0, -50.0)).process(noise(level_dbfs, 12))
    assert level_db(heard[-RATE_HZ:]) == pytest.approx(-26.0, abs=1.0)


def test_a_pause_keeps_the_gain_of_the_speech_before_it():
    frames = np.concatenate((noise(-36.0, 10), noise(-60.0, 20)))
    heard = Leveller(RATE_HZ, 1, LevellerSettings(-26.0, -50.0)).process(frames)
    speech = level_db(heard[9 * RATE_HZ : 10 * RATE_HZ]) + 36.0
    late_pause = level_db(heard[-RATE_HZ:]) + 60.0
    assert late_pause <= speech + 0.5


def test_a_new_speaker_20_db_weaker_is_met_within_3_seconds():
    frames = np.concatenate((noise(-20.0, 8), noise(-40.0, 8)))
    heard = Leveller(RATE_HZ, 1, LevellerSettings(-26.0, -55.0)).process(frames)
    assert level_db(heard[11 * RATE_HZ : 12 * RATE_HZ]) > -30.0


def test_pauses_fall_by_the_range_and_speech_stays():
    settings = ExpanderSettings(-50.0, ratio=3.0, range_db=12.0)
    frames = np.concatenate((noise(-26.0, 2), noise(-60.0, 2)))
    block = Expander(RATE_HZ, 1, settings)
    heard = block.process(frames)
    assert block.delay_samples == 720
    assert level_db(heard[RATE_HZ : 2 * RATE_HZ]) == pytest.approx(-26.0, abs=0.2)
    assert level_db(heard[-RATE_HZ:]) == pytest.approx(-72.0, abs=0.6)


def test_the_expander_is_open_before_the_word_begins():
    settings = ExpanderSettings(-50.0)
    frames = np.concatenate((noise(-70.0, 1), noise(-26.0, 1)))
    block = Expander(RATE_HZ, 1, settings)
    heard = block.process(frames)[block.delay_samples :]
    first = slice(RATE_HZ, RATE_HZ + RATE_HZ // 200)
    assert level_db(heard[first]) == pytest.approx(level_db(frames[first]), abs=0.5)


def word_end(threshold_dbfs, hold_s):
    """Gain in dB over a tone that dies away by 300 dB/s, and where it passes the threshold."""
    seconds = np.arange(RATE_HZ) / RATE_HZ
    level_dbfs = np.clip(-20.0 - 300.0 * (seconds - 0.5), -80.0, -20.0)
    tone = np.sin(2 * np.pi * 1_000 * seconds) * 10 ** (level_dbfs / 20) * np.sqrt(2)
    settings = ExpanderSettings(
        threshold_dbfs, 2.0, 12.0, window_s=0.004, attack_s=0.003, hold_s=hold_s, release_s=0.03
    )
    block = Expander(RATE_HZ, 1, settings)
    frames = np.ascontiguousarray(tone[:, None], np.float32)
    late = block.process(frames)[block.delay_samples :, 0]
    # Milliseconds: whole periods of the tone.
    powers = [np.mean(x.astype(float).reshape(-1, 48) ** 2, axis=1) for x in (frames[:, 0], late)]
    gain_db = 10 * np.log10(powers[1] / powers[0][: len(powers[1])])
    return gain_db, round(1000 * (0.5 + (-20.0 - threshold_dbfs) / 300.0))


def test_the_expander_leaves_the_end_of_a_word_alone():
    gain_db, passed_ms = word_end(-45.0, 0.04)
    # Open until the sound is 12 dB under the threshold: 40 ms of hold at 0.3 dB/ms.
    assert np.abs(gain_db[10 : passed_ms + 40]).max() < 0.1
    assert gain_db[-1] == pytest.approx(-12.0, abs=0.1)


def test_an_expander_without_hold_is_heard_to_chop():
    gain_db, passed_ms = word_end(-45.0, 0.0)
    assert gain_db[passed_ms + 39] < -3.0


def test_the_powers_of_the_grid_are_mean_squares():
    frames = noise(-20.0, 0.1)
    grid = ControlGrid(RATE_HZ, 1)
    first, powers = grid.measure(frames)
    assert first == 0
    wanted = np.mean(frames.astype(np.float64).reshape(-1, 48) ** 2, axis=1)
    np.testing.assert_allclose(powers, wanted, rtol=1e-12)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="gate_dbfs: expected below"):
        Leveller(RATE_HZ, 1, LevellerSettings(-26.0, -20.0))
    with pytest.raises(ValueError, match="ratio: expected 1 or more"):
        Expander(RATE_HZ, 1, ExpanderSettings(-30.0, ratio=0.5))
