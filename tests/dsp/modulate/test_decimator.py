"""Decimator: equal to filtering and keeping, on time, steep."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.modulate.decimator import IqDecimator
from tests.dsp.stream_contract_suite import StreamContract, iq_piece


class TestByFour(StreamContract):
    kind = "iq"
    rate = Fraction(1, 4)

    def make(self):
        return IqDecimator(4)


class TestByThree(StreamContract):
    kind = "iq"
    rate = Fraction(1, 3)

    def make(self):
        return IqDecimator(3)


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_it_is_a_filter_of_which_every_nth_sample_is_kept(factor):
    block = IqDecimator(factor)
    x = iq_piece(3_000)
    taps = block._doubled[::2][: block._span].astype(np.float64)
    kept = np.convolve(x, taps)[len(taps) // 2 :][: len(x)][::factor]
    made = block.process(x)[block.delay_samples :]
    np.testing.assert_allclose(made, kept[: len(made)], atol=2e-6)


@pytest.mark.parametrize("factor", [2, 4])
def test_flat_inside_and_80_db_outside(factor):
    n = np.arange(8_000 * factor)
    for place, low_db, high_db in ((0.1, -0.01, 0.01), (0.42, -0.01, 0.01), (0.58, -300, -79.5)):
        tone = np.exp(2j * np.pi * place / factor * n).astype(np.complex64)
        made = IqDecimator(factor).process(tone)[1_000:]
        assert low_db <= 20 * np.log10(np.abs(made).max()) <= high_db


def test_factors_that_cannot_be_are_refused():
    for factor in (0, 65):
        with pytest.raises(ValueError, match="factor: expected"):
            IqDecimator(factor)
