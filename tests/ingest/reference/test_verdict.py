"""The rule that tells a bulletin from a phrase: what a clip must show."""

import numpy as np
import pytest

from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.grid import FRAMES_PER_SECOND
from dsp.recognise.line import Comparison
from dsp.recognise.reference_index import Line, ReferenceIndex
from ingest.reference.verdict import believed_in_stream, believed_of_clip
from tests.dsp.recognise.spoken import doubtful, speech

RATE_HZ = 8_000
BEGIN_S = 22


@pytest.mark.parametrize(("after_s", "believed"), [(0, True), (4, False), (8, False)])
def test_a_clip_that_says_as_much_besides_proves_nothing(after_s, believed):
    """Its last eight seconds of the bulletin are proof enough by themselves."""
    index = ReferenceIndex()
    index.add("a", fingerprint(speech(30, 1), RATE_HZ))
    good = speech(30, 1)[BEGIN_S * RATE_HZ :]
    clip = np.concatenate([good, speech(after_s, 57)]) if after_s else good
    nothing = np.zeros(0, np.int32)
    line = Line("a", BEGIN_S * FRAMES_PER_SECOND, 1.0, Comparison(0, nothing, nothing))
    parts = index.words_of("a"), index.levels_of("a")
    assert believed_of_clip(*parts, line, fingerprint(clip, RATE_HZ)) is believed


def test_what_a_schedule_names_needs_less_proof_than_any_of_ten_thousand():
    index = ReferenceIndex()
    index.add("a", fingerprint(speech(30, 1), RATE_HZ))
    nothing = np.zeros(0, np.int32)
    line = Line("a", 0, 1.0, Comparison(0, nothing, nothing))
    heard = doubtful(fingerprint(speech(30, 1), RATE_HZ))
    words = index.words_of("a")
    assert not believed_in_stream(words, line, heard)
    assert believed_in_stream(words, line, heard, is_due=True)
    assert not believed_in_stream(words, line, fingerprint(speech(30, 2), RATE_HZ), is_due=True)
