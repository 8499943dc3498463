"""The checks at the door of a block, and the suite that holds blocks to the contract."""

import numpy as np
import pytest

from dsp.contract import BlockContractError, output_for, require_frames
from tests.dsp.contract_suite import BlockContract


class RunningSum:
    """The smallest block with a state: sums what went by, wrapped into ±1."""

    delay_samples = 0

    def __init__(self):
        self.reset()

    def reset(self):
        self._last = np.zeros(2, np.float64)

    def process(self, frames, out=None):
        require_frames(frames, 2)
        out = output_for(frames, out)
        for n in range(len(frames)):
            self._last = np.sin(self._last + frames[n])
            out[n] = self._last
        return out


class TestRunningSum(BlockContract):
    def make(self):
        return RunningSum()


class ForgetsBetweenPieces(RunningSum):
    def process(self, frames, out=None):
        self.reset()
        return super().process(frames, out)


def test_the_suite_catches_a_block_that_forgets_between_pieces():
    suite = BlockContract()
    suite.make = ForgetsBetweenPieces
    with pytest.raises(AssertionError):
        suite.test_cut_anywhere(0)


def test_an_error_says_what_was_expected_and_what_came():
    with pytest.raises(BlockContractError, match=r"frames\.shape: expected \(n, 2\), got \(3, 1\)"):
        require_frames(np.zeros((3, 1), np.float32), 2)


@pytest.mark.parametrize(
    "out",
    [np.zeros((3, 1), np.float32), np.zeros((3, 2)), np.zeros((6, 2), np.float32)[::2]],
    ids=["shape", "dtype", "strided"],
)
def test_an_out_that_does_not_fit_is_refused(out):
    with pytest.raises(BlockContractError, match="out"):
        output_for(np.zeros((3, 2), np.float32), out)
