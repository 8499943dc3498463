"""Trials: an excerpt is heard, and what each system says is held against what it was.

A trial is *right* if a second is answered with the bulletin and its place within half a second, and
*wrong* if any second is answered with another bulletin, or with this one at another place. Both can
be true of one trial: a wrong second is not made good by a right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.impair.catalogue import Impairment
from bench.match.clips import Clip
from bench.match.ours import Loa
from bench.match.system import RATE_HZ, Found, System
from ingest.reference.answer import Answer

Sound = npt.NDArray[np.float32]

WITHIN_S = 0.5


@dataclass(frozen=True)
class Trial:
    """One excerpt and what one system made of it.

    `bulletin` is empty if the excerpt is in no index. `score` is that of the best candidate, and
    `at_place` tells whether it is the true one; `right` and `wrong` are the system's own verdict.
    """

    system: str
    bulletin: str
    voice: str
    impairment: str
    seconds: float
    start_s: float
    score: float
    at_place: bool
    right: bool
    wrong: bool
    said: str = ""


@dataclass(frozen=True)
class Excerpt:
    """A piece of a programme as heard."""

    bulletin: str
    voice: str
    impairment: str
    start_s: float
    seconds: float
    heard: Sound


def starts_of(
    length_s: float, seconds: float, count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return `count` moments at which excerpts of `seconds` begin, anywhere; none if too short."""
    if length_s < seconds:
        return np.zeros(0)
    return np.asarray(rng.uniform(0.0, length_s - seconds, count))


def excerpts(
    sound: Sound,
    labels: tuple[str, str, str],
    impairment: Impairment,
    *,
    lengths_s: Sequence[float],
    count: int,
    rng: np.random.Generator,
) -> Iterable[Excerpt]:
    """Cut excerpts anywhere out of a programme and impair each; `labels` name what it is."""
    for seconds in lengths_s:
        for start_s in starts_of(len(sound) / RATE_HZ, seconds, count, rng):
            first = round(start_s * RATE_HZ)
            piece = sound[first : first + round(seconds * RATE_HZ)]
            heard = np.ascontiguousarray(impairment(piece, rng), np.float32)
            yield Excerpt(*labels, first / RATE_HZ, seconds, heard)


def try_system(system: System, excerpt: Excerpt) -> Trial:
    """Ask a system for its best candidate; the verdict is the system's own threshold."""
    found = system.query(excerpt.heard)
    score = found.score if found else 0.0
    at_place = bool(
        found
        and found.name == excerpt.bulletin
        and abs(found.offset_s - excerpt.start_s) <= WITHIN_S
    )
    named = score >= system.threshold
    return _trial(
        system.name,
        excerpt,
        score=score,
        at_place=at_place,
        right=named and at_place,
        wrong=named and not at_place,
        said=found.name if found and named else "",
    )


def try_loa(system: Loa, excerpt: Excerpt) -> Trial:
    """Let the station hear it second by second; the score is that of the best candidate."""
    found = system.query(excerpt.heard)
    return _judge(system, excerpt, found, system.listen(excerpt.heard))


def try_clip(system: Loa, clip: Clip) -> Trial:
    """The same of a clip that was printed already."""
    found = system.query_prints(clip.prints)
    return _judge(system, clip, found, system.listen_prints(clip.prints))


def _judge(
    system: Loa, heard: Excerpt | Clip, found: Found | None, answers: Sequence[Answer]
) -> Trial:
    right, others = False, set()
    for answer in answers:
        if answer.verdict != "match" or answer.reference is None or answer.offset_s is None:
            continue
        due_s = heard.start_s + answer.second
        if answer.reference == heard.bulletin and abs(answer.offset_s - due_s) <= WITHIN_S:
            right = True
        else:
            others.add(f"{answer.reference}@{answer.offset_s:.1f}s in second {answer.second}")
    at_place = bool(
        found and found.name == heard.bulletin and abs(found.offset_s - heard.start_s) <= WITHIN_S
    )
    return _trial(
        system.name,
        heard,
        score=found.score if found else 0.0,
        at_place=at_place,
        right=right,
        wrong=bool(others),
        said="; ".join(sorted(others)),
    )


def _trial(
    system: str,
    excerpt: Excerpt | Clip,
    *,
    score: float,
    at_place: bool,
    right: bool,
    wrong: bool,
    said: str,
) -> Trial:
    return Trial(
        system,
        excerpt.bulletin,
        excerpt.voice,
        excerpt.impairment if isinstance(excerpt, Excerpt) else excerpt.way,
        excerpt.seconds,
        excerpt.start_s,
        score,
        at_place,
        right,
        wrong,
        said,
    )
