"""The accelerated campaign: prints given behind the fingerprinter are heard as sound would be."""

import numpy as np

from bench.match.false_alarms import hear
from bench.match.ours import Loa
from dsp.recognise.fingerprint import fingerprint
from tests.bench.test_match_trials import syllables


def test_prints_are_heard_as_their_sound_is():
    system = Loa()
    own, other = syllables(1, 24), syllables(2, 16)
    system.add("own", own)
    for sound, named in ((own[5 * 48_000 :], True), (other, False)):
        by_prints = hear(system, fingerprint(np.ascontiguousarray(sound), 48_000))
        by_sound = system.listen(np.ascontiguousarray(sound))
        assert [a.second for a in by_prints] == list(range(len(by_prints)))
        assert abs(len(by_prints) - len(by_sound)) <= 1
        assert any(a.verdict == "match" for a in by_prints) == named
        assert {a.reference for a in by_prints if a.reference} == ({"own"} if named else set())
