"""Dither: triangular, unbiased, and the same however the stream is cut."""

from itertools import pairwise

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.dither import Dither

FRAMES = 200_000


def test_cut_anywhere():
    frames = np.random.default_rng(1).uniform(-1, 1, (5_000, 2)).astype(np.float32)
    whole = Dither(2).process(frames)
    dither = Dither(2)
    edges = [0, 1, 2, 700, 701, 4_999, 5_000]
    pieces = [dither.process(frames[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    dither.reset()
    np.testing.assert_array_equal(dither.process(frames), whole)


@pytest.mark.parametrize("level_lsb", [0.0, 0.25, 0.5, -0.3, 1000.4])
def test_error_has_the_mean_and_power_of_tpdf_dither_at_any_level(level_lsb):
    """Mean 0 and power 1/6 + 1/12 = 1/4 LSB², whatever the signal (Lipshitz et al. 1992)."""
    frames = np.full((FRAMES, 1), level_lsb / 32768, np.float32)
    error = Dither(1).process(frames).astype(float) - level_lsb
    # Mean of 2e5 with deviation 0.5: 0.0011; five of these. Power: its deviation is below 0.001.
    assert abs(error.mean()) < 0.0056
    assert abs(np.mean(error**2) - 0.25) < 0.005
    assert np.abs(error).max() <= 1.5


def test_error_is_white_and_channels_differ():
    error = Dither(2).process(np.zeros((FRAMES, 2), np.float32)).astype(float)
    for lag in (1, 2, 3, 64):
        assert abs(np.mean(error[lag:, 0] * error[:-lag, 0])) < 0.005
    assert abs(np.mean(error[:, 0] * error[:, 1])) < 0.005


def test_full_scale_is_held():
    frames = np.array([[1.0], [1.5], [-1.0], [-1.5], [100.0]], np.float32)
    out = Dither(1).process(frames)[:, 0]
    assert out[[1, 4]].tolist() == [32767, 32767]
    assert out[3] == -32768
    assert out[0] >= 32766
    assert out[2] <= -32766


def test_a_refused_piece_leaves_the_state_untouched():
    dither, twin = Dither(1), Dither(1)
    frames = np.zeros((100, 1), np.float32)
    with pytest.raises(BlockContractError):
        dither.process(np.full((10, 1), np.nan, np.float32))
    np.testing.assert_array_equal(dither.process(frames), twin.process(frames))
