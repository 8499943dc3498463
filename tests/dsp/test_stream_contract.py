"""The stream suite itself: it lets good blocks pass and finds each kind of broken one."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.contract import BlockContractError, output_of, require_samples
from tests.dsp.stream_contract_suite import StreamContract


class Delay:
    """Late by three samples."""

    delay_samples = 3

    def __init__(self, dtype=np.float32):
        self.dtype = dtype
        self.reset()

    def reset(self):
        self.past = np.zeros(3, self.dtype)

    def process(self, samples, out=None):
        require_samples(samples, self.dtype)
        target = output_of(len(samples), self.dtype, out)
        line = np.concatenate([self.past, samples])
        target[:] = line[: len(samples)]
        self.past = line[len(samples) :]
        return target


class TwoOfThree:
    """Drops every third complex sample of uint8 pairs, for two stations."""

    delay_samples = 0

    def __init__(self):
        self.reset()

    def reset(self):
        self.index = 0

    def output_length(self, n):
        return np.count_nonzero(np.arange(self.index, self.index + n) % 3)

    def process(self, samples, out=None):
        require_samples(samples, np.uint8)
        n = len(samples) // 2
        target = output_of((2, self.output_length(n)), np.complex64, out)
        keep = np.arange(self.index, self.index + n) % 3 != 0
        target[:] = (samples.astype(np.float32) - 127.5).view(np.complex64)[keep] / 127.5
        self.index += n
        return target


class TestRealDelay(StreamContract):
    def make(self):
        return Delay()


class TestComplexDelay(StreamContract):
    kind = "iq"

    def make(self):
        return Delay(np.complex64)


class TestTwoOfThree(StreamContract):
    kind = "iq8"
    rate = Fraction(2, 3)

    def make(self):
        return TwoOfThree()


class Seam(Delay):
    """Forgets the past at every piece."""

    def process(self, samples, out=None):
        self.reset()
        return super().process(samples, out)


class Sticky(Delay):
    """Remembers the past over a reset."""

    def reset(self):
        if not hasattr(self, "past"):
            super().reset()


class Shared(Delay):
    """Gives a view of its own buffer."""

    def process(self, samples, out=None):
        super().process(samples, out)
        self.buffer = getattr(self, "buffer", np.zeros(20_000, self.dtype))
        self.buffer[: len(samples)] = samples
        return self.buffer[: len(samples)]


class Eager(Delay):
    """Changes its state before it looks at the piece."""

    def process(self, samples, out=None):
        self.past = np.roll(self.past, 1)
        return super().process(samples, out)


class Greedy(Delay):
    """Takes anything."""

    def process(self, samples, out=None):
        return np.zeros(len(samples), np.float32) if out is None else out


class Scribbler(Delay):
    """Works in the caller's memory."""

    def process(self, samples, out=None):
        result = super().process(samples, out)
        samples.flags.writeable = True
        samples *= 0.5
        return result


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Seam, "test_one_sample_pieces"),
        (Sticky, "test_reset_equals_new"),
        (Shared, "test_earlier_output_is_left_alone"),
        (Shared, "test_out_equals_returned"),
        (Eager, "test_a_refused_piece_leaves_the_state_untouched"),
        (Eager, "test_a_wrong_out_is_refused_and_leaves_the_state_untouched"),
        (Eager, "test_an_empty_piece_changes_nothing"),
        (Greedy, "test_a_refused_piece_leaves_the_state_untouched"),
        (Scribbler, "test_input_is_left_alone"),
    ],
)
def test_a_broken_block_is_found(broken, test):
    suite = StreamContract()
    suite.make = broken
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(suite, test)()


def test_a_seam_is_found_at_any_cut():
    suite = StreamContract()
    suite.make = Seam
    with pytest.raises(AssertionError):
        suite.test_cut_anywhere(0)


def test_an_out_that_cannot_be_written_is_refused():
    fixed = np.zeros(4, np.float32)
    fixed.flags.writeable = False
    with pytest.raises(BlockContractError, match="writable float32"):
        output_of(4, np.float32, fixed)
