"""The picture of a band: no empty rows, however short the capture."""

import numpy as np
import pytest

from loa.air.band_plot import ROWS, BandPicture


@pytest.mark.parametrize(("seconds", "block"), [(1.0, 50_000), (4.0, 250_000), (20.0, 240_000)])
def test_every_row_of_the_waterfall_holds_the_noise(seconds, block):
    rng = np.random.default_rng(1)
    picture = BandPicture(1_000_000, 97e6, seconds, {})
    piece = (0.01 * rng.standard_normal((block, 2))).astype(np.float32).view(np.complex64)[:, 0]
    for _ in range(round(seconds * 1_000_000) // block):
        picture.add(piece)
    levels = np.array([row.mean() for row in picture._rows])
    assert ROWS - 2 <= len(levels) <= ROWS + 1
    assert levels.min() > -75.0  # the noise, not the floor of the scale
    assert np.ptp(levels) < 6.0
