"""Where a reference would be missed."""

import numpy as np
import pytest

from bench.match.music import tune
from ingest.watch.audible import FRAME_HZ, audible_frames, speaks_at
from tests.dsp.recognise.spoken import speech

RATE = 8_000


def test_a_hole_is_not_heard():
    noise = np.random.default_rng(3).standard_normal(4 * RATE).astype(np.float32)
    frames = audible_frames(np.concatenate([noise, np.zeros(3 * RATE, np.float32)]), RATE)
    assert len(frames) == 7 * FRAME_HZ
    assert [speaks_at(frames, float(s)) for s in range(7)] == [True] * 4 + [False] * 3
    assert speaks_at(frames, 3.4) is True
    assert speaks_at(frames, 3.8) is False


def test_a_tune_whose_notes_lie_far_under_its_beats_is_heard_all_the_time():
    frames = audible_frames(tune(2, 60.0), 48_000)
    assert np.mean([speaks_at(frames, float(s)) for s in range(59)]) > 0.95


@pytest.mark.parametrize("place_s", [-0.1, 6.1, 60.0])
def test_nothing_is_known_outside_of_it(place_s):
    assert speaks_at(audible_frames(speech(7.0, 21), RATE), place_s) is None


def test_nothing_is_heard_of_nothing():
    assert len(audible_frames(np.zeros(0, np.float32), RATE)) == 0
    assert not audible_frames(np.zeros(RATE, np.float32), RATE).any()
