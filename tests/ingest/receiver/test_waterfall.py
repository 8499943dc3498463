"""The spectrum over time: as long as the capture, whatever part of it the frames looked at."""

import numpy as np
import pytest

from dsp.receive.front.spectrum import SpectrumFrame
from ingest.receiver.waterfall import MOST_ROWS, Waterfall


def filled(frames):
    waterfall = Waterfall(2_400_000)
    level = np.full(64, 1e-3, np.float32)
    for number in range(frames):
        waterfall.add(SpectrumFrame(480_000 * number, 69_632, 37_500.0, level, level, 0.0))
    return waterfall


@pytest.mark.parametrize("frames", [2, 5, 100, 1_000])
def test_it_is_as_long_as_the_capture(frames):
    assert filled(frames).seconds == pytest.approx(0.2 * frames)


def test_it_is_bounded_and_keeps_levels():
    waterfall = filled(1_000)
    rows = waterfall.rows_db()
    assert MOST_ROWS // 2 <= len(rows) <= MOST_ROWS
    assert rows == pytest.approx(-30.0, abs=1e-3)
    assert waterfall.mean_db() == pytest.approx(-30.0, abs=1e-3)


def test_nothing_lasts_no_time_and_one_frame_its_own():
    assert filled(0).empty
    assert filled(0).seconds == 0.0
    assert filled(1).seconds == pytest.approx(69_632 / 2_400_000)
