import numpy as np
import pytest

from ingest.watch.lately import Lately

RATE = 10


def counting(pieces, kept_s=3):
    lately, at = Lately(RATE, kept_s), 0
    for count in pieces:
        lately.take(np.arange(at, at + count, dtype=np.float32))
        at += count
    return lately


@pytest.mark.parametrize("pieces", [[100], [1] * 100, [7] * 14 + [2], [45, 45, 10]])
def test_the_last_seconds_are_there_however_they_came(pieces):
    lately = counting(pieces)
    assert lately.end == 100
    assert lately.between(70, 100).tolist() == list(range(70, 100))
    assert lately.between(85, 90).tolist() == list(range(85, 90))


def test_what_is_gone_is_left_out_and_what_has_not_come_is_none():
    lately = counting([100])
    assert lately.between(0, 75).tolist() == list(range(70, 75))
    assert lately.between(0, 70) is None
    assert lately.between(90, 101) is None
    assert Lately(RATE, 3).between(0, 1) is None


def test_memory_does_not_grow():
    lately = counting([1] * 5_000)
    assert lately.between(0, 5_000).tolist() == list(range(4_970, 5_000))
