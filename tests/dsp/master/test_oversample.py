"""The interpolator and its bounds: known tones, and bounds that no signal breaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsp.master.oversample import REACH, design_interpolator
from tests.naive.limiting import wave_peaks

INTERPOLATOR = design_interpolator()


@pytest.mark.parametrize("frequency", [0.001, 0.1, 0.25, 0.4, 0.45])
def test_a_tone_is_found_at_the_eighths(frequency):
    n = np.arange(-200, 200)
    weights = INTERPOLATOR.weights.astype(np.float64)
    for phase in range(1, 8):
        window = np.cos(2 * np.pi * frequency * (n[200 - REACH + 1 : 200 + REACH + 1]))
        wanted = np.cos(2 * np.pi * frequency * phase / 8)
        # 57 dB of Kaiser window: 0.14 %.
        assert weights[phase - 1] @ window == pytest.approx(wanted, abs=0.002)


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, 120, elements=st.floats(-4.0, 4.0)))
def test_no_signal_breaks_a_bound(x):
    inner = wave_peaks(x)[REACH : 120 - REACH].max()
    largest = np.abs(x).max()
    bend = np.abs(np.diff(x, 2)).max()
    line = INTERPOLATOR.line_bound * largest
    assert inner <= INTERPOLATOR.gain_bound * largest + 1e-9
    assert inner <= line + INTERPOLATOR.curvature_bound * bend + 1e-9


def test_the_bounds_are_tight_enough_to_be_of_use():
    assert INTERPOLATOR.line_bound < 1.003
    assert INTERPOLATOR.curvature_bound < 0.52
