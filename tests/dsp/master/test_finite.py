"""The gate: everything that comes out is finite audio, and what was not is counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsp.contract import BlockContractError
from dsp.master.finite import LIMIT, FiniteGate

anything = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(deadline=None)
@given(arrays(np.float32, (50, 2), elements=anything))
def test_out_comes_finite_and_good_samples_are_untouched(frames):
    gate = FiniteGate(2)
    out = gate.process(frames)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= LIMIT
    good = np.isfinite(frames) & (np.abs(frames) <= LIMIT) & (np.abs(frames) > 1e-19)
    np.testing.assert_array_equal(out[good], frames[good])
    assert gate.not_finite == np.count_nonzero(~np.isfinite(frames))
    with np.errstate(invalid="ignore"):
        beyond = np.isfinite(frames) & (np.abs(frames) > LIMIT)
    assert gate.out_of_range == np.count_nonzero(beyond)


def test_known_values():
    frames = np.array([[np.nan], [np.inf], [-np.inf], [1e-42], [40.0], [-40.0], [0.5]], np.float32)
    gate = FiniteGate(1)
    np.testing.assert_array_equal(gate.process(frames)[:, 0], [0, 0, 0, 0, 32, -32, 0.5])
    assert (gate.not_finite, gate.out_of_range) == (3, 2)
    gate.reset()
    assert (gate.not_finite, gate.out_of_range) == (0, 0)


def test_a_wrong_layout_is_refused():
    with pytest.raises(BlockContractError, match=r"frames\.shape"):
        FiniteGate(2).process(np.zeros((5, 1), np.float32))
