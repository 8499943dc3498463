"""P.56 against its vectors and its sample-by-sample twin."""

import numpy as np
import pytest

from dsp.measure.speech_level import NO_SPEECH, SpeechLevelMeter
from tests.dsp.measure.signals import frames, speech_like, tone
from tests.naive import meters

RATE = 16_000
SECONDS = np.arange(20 * RATE) / RATE


def level_of(sound, rate):
    meter = SpeechLevelMeter(rate, sound.shape[1])
    meter.process(sound)
    return meter.result()


@pytest.mark.parametrize(
    ("on", "period", "level", "activity"),
    [(1, 1, -23.005, 99.88), (1, 2, -24.07, 63.8), (0.25, 0.5, -26.02, 99.9)],
    ids=["continuous", "1 s on and off", "hangover bridges 0.25 s"],
)
def test_known_answers(on, period, level, activity):
    wave = 0.1 * np.sin(2 * np.pi * 1000 * SECONDS) * (SECONDS % period < on)
    (found,) = level_of(frames(wave), RATE)
    assert found.active_level_dbov == pytest.approx(level, abs=0.01)
    assert found.activity_percent == pytest.approx(activity, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_milliseconds_do_as_well_as_samples(rate, seed):
    sound = speech_like(20, rate, seed=seed).astype(np.float32)
    level, activity = meters.speech_level(sound.astype(float), rate)
    (found,) = level_of(sound[:, None], rate)
    assert found.active_level_dbov == pytest.approx(level, abs=0.02)
    assert found.activity_percent == pytest.approx(activity, abs=0.4)


def test_each_channel_has_its_level():
    sound = np.stack([speech_like(10, RATE), speech_like(10, RATE) * 0.1], 1).astype(np.float32)
    left, right = level_of(sound, RATE)
    # Not exactly 20: the thresholds stand in absolute steps of 6 dB.
    assert left.active_level_dbov - right.active_level_dbov == pytest.approx(20, abs=0.3)


def test_a_full_scale_square_wave_stands_at_zero():
    sound = np.sign(tone([(0, 5)], RATE, hz=400, channels=1) + np.float32(1e-6))
    (found,) = level_of(sound, RATE)
    assert found.active_level_dbov == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("samples", [0, 1, 15, 16_000])
def test_no_sound_is_no_speech(samples):
    assert level_of(np.zeros((samples, 1), np.float32), RATE) == [NO_SPEECH]


def test_reset_forgets():
    meter = SpeechLevelMeter(RATE, 1)
    meter.process(np.ones((RATE, 1), np.float32))
    meter.reset()
    sound = frames(speech_like(5, RATE))
    meter.process(sound)
    assert meter.result() == level_of(sound, RATE)
