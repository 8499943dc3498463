"""The answer of a second on which a reference lies."""

from __future__ import annotations

import math

from ingest.reference.answer import Answer, Verdict
from ingest.reference.shared import Standing
from ingest.reference.track import Track

_PLACES = 1e8  # places at which chance could agree, in the largest index
_OFFSET_U_S = 0.03


def named(standing: Standing, second: int, seconds: range, level_dbfs: float) -> Answer:
    """Return the answer of a second on which references hold: the one that may be named, if any.

    Its confidence is that of all of `seconds`.
    """
    track = standing.track
    if track is None:
        return Answer(second, "inconclusive", others=standing.others, level_dbfs=level_dbfs)
    if track.holds(second):
        track.note(second, level_dbfs)
    evidence = max(0.0, track.evidence_of(seconds))
    chance = min(1.0, _PLACES * 0.5 * math.erfc(evidence / math.sqrt(2.0)))
    gain_db, u_db = track.gain()
    return Answer(
        second,
        "match",
        reference=track.reference,
        offset_s=track.offset_s(second),
        u_s=_OFFSET_U_S,
        confidence=1.0 - chance,
        completeness=track.completeness(),
        gain_db=gain_db,
        u_db=u_db,
        others=standing.others,
        level_dbfs=level_dbfs,
    )


def nothing_said(
    verdict: Verdict, second: int, level_dbfs: float, expected: Track | None
) -> Answer:
    """Return the answer of a second in which nothing is said, on a reference if one is expected."""
    if expected is None:
        return Answer(second, verdict, confidence=1.0, level_dbfs=level_dbfs)
    return Answer(
        second,
        verdict,
        reference=expected.reference,
        offset_s=expected.offset_s(second),
        u_s=_OFFSET_U_S,
        confidence=1.0,
        completeness=expected.completeness(),
        level_dbfs=level_dbfs,
    )
