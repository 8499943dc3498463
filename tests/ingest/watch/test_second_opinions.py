import math
from types import SimpleNamespace

import pytest

from dsp.align.coherence import DIFFERENT, SAME, Opinion
from ingest.watch.programme_watch import Expected
from ingest.watch.second_opinions import SURELY, SecondOpinions

READING = SimpleNamespace()


def opinion_of(likeness):
    verdict = "same" if likeness >= SAME else "different"
    return Opinion(
        verdict if not DIFFERENT < likeness < SAME else "inconclusive", likeness, "", READING
    )


class Scripted(SecondOpinions):
    """Says what it is told to of the place expected, and of any other."""

    def __init__(self, near, anywhere):
        super().__init__({}, 8_000)
        self._said = near, anywhere

    def opinion(self, _reference, _second, _place_s, within_s=math.inf, _seconds=4):
        return opinion_of(self._said[within_s == math.inf])


@pytest.mark.parametrize(
    ("near", "anywhere", "told"),
    [
        (SURELY, 1.1, SURELY),  # it is where it should be: nobody looks further
        (0.5, SURELY, SURELY),
        (0.45, 0.8, 0.45),  # bars that are somewhat alike
        (SURELY - 0.05, SURELY + 0.1, SURELY - 0.05),  # hardly more so elsewhere
        (SURELY - 0.15, SURELY + 0.1, SURELY + 0.1),
        (0.2, SAME, SAME),  # its place is out of the question
        (0.2, 0.4, 0.2),
    ],
)
def test_it_is_elsewhere_only_where_that_is_sure_and_plain(near, anywhere, told):
    opinions = Scripted(near, anywhere)
    assert opinions.newest(Expected("tune", 12.0)).likeness == told
