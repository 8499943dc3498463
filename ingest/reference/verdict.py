"""May a line be believed? The rule that tells a bulletin from a phrase that two bulletins share.

One announcer, and more so one synthetic voice, says the same words in the same way: two texts share
pieces of sentences with other words in their slots. A true line goes on where such a piece ends,
and over a bad path it is worse everywhere and nowhere off. So a line is judged by its agreement as
a whole and, with as much weight, by its worst stretches:

    score = agreement + 0.75 · (worst 1.44 s + worst 1.92 s)
    dip   = agreement - worst 1.92 s

It is believed when the last `STREAM_S` spoken seconds reach a score without a deep dip; or when all
that is spoken in a clip, which has no more to say, does, the higher the shorter it is; or a short
reference that was heard from end to end. A clip of some length must also pause where the reference
does, the more so the less it says: a phrase that two texts share stands in other surroundings.

Weights (a logistic regression) and limits are from the tuning half of the corpus: clips over a
real FM path at 15 dB and a codec, and other texts. They were chosen when a fault in the level made
true lines agree less (lowest score 0.77, deepest dip 0.36); without it the lowest is 1.93 and the
deepest 0.16. In a stream another text of the same voice reaches 1.07, and 1.16 in 10 000 trials of
the held-out half.
What they do on the half that was held out is in docs/campaigns/bench-match.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.kernel import ready
from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import FRAMES_PER_SECOND, STEP, STEPS_PER_SECOND
from dsp.recognise.line import compare
from dsp.recognise.reference_index import Line
from dsp.recognise.reference_prints import SPEAKS
from ingest.reference.pauses import heard_along

STREAM_S = 9.3  # spoken, while the stream goes on
CLIP_S = 3.5  # spoken, of a clip that has ended
LITTLE_S = 1.5  # spoken, of a clip that pauses where the reference does
_PAUSES_S = 8.0  # of a clip that is long enough to show it
_LITTLE_HEARD = 0.8  # share of what the reference says aloud that must be heard then
_HEARD = 0.5  # of any clip of that length: a fifth may be lost on the way, and noise hides some
_EDGE = 10  # frames of a reference's ends that may be missing
COVERED = 0.9  # share of what is spoken in a clip that must lie on the line
_STRETCHES_S = (1.44, 1.92)
_STRETCH_WEIGHT = 0.75
# A stream is asked every second, a clip once.
_STREAM_SCORE = 1.2
_DUE_SCORE = 1.05  # of the reference that a schedule names: one, and not one of ten thousand
_CLIP_SCORE = 1.2
_WHOLE_SCORE = 0.82  # of 130 spoken steps (7.8 s) and more
_LONG_CLIP_STEPS = 130
_SCORE_PER_STEP = 0.006  # more for each step that a clip is shorter
_DEEPEST = 0.4
_DEEPEST_OF_SHORT = 0.32


def believed_in_stream(
    words: npt.NDArray[np.uint32], line: Line, prints: Prints, *, is_due: bool = False
) -> bool:
    """Tell whether the last seconds of a stream that goes on prove a line.

    `is_due`: its reference is what a schedule says; less is then enough.
    """
    steps = spoken_steps(words, line, prints)
    last = steps[-round(STREAM_S * STEPS_PER_SECOND) :]
    if len(last) < round(STREAM_S * STEPS_PER_SECOND):
        return False
    found = score(last)
    least = _DUE_SCORE if is_due else _STREAM_SCORE
    return found.score >= least and found.dip <= _DEEPEST


def believed_as_whole(words: npt.NDArray[np.uint32], line: Line, prints: Prints) -> bool:
    """Tell whether a reference was heard from its beginning to its end: a jingle has no more."""
    frames = len(words) * STEP
    begins = (0.0 - line.offset_frames) / line.speed
    ends = (frames - line.offset_frames) / line.speed
    inside = prints.first <= begins + _EDGE and ends - _EDGE <= prints.first + len(prints)
    steps = spoken_steps(words, line, prints)
    return inside and len(steps) >= CLIP_S * STEPS_PER_SECOND and _proves(steps, _WHOLE_SCORE)


def believed_of_clip(
    words: npt.NDArray[np.uint32], levels: npt.NDArray[np.uint8], line: Line, prints: Prints
) -> bool:
    """Tell whether all of a clip, which has ended, proves a line.

    `prints` are `without_pauses`; `levels` are the coded ones of the reference.
    """
    return _proves(telling_steps(words, levels, line, prints), _CLIP_SCORE)


def telling_steps(
    words: npt.NDArray[np.uint32], levels: npt.NDArray[np.uint8], line: Line, prints: Prints
) -> npt.NDArray[np.int64]:
    """Return the `spoken_steps` of a clip that has ended, none if they can prove nothing.

    They cannot if more is said than lies on the line, if they are too few, or if the reference
    speaks where the clip pauses. The arguments are those of `believed_of_clip`.
    """
    steps = spoken_steps(words, line, prints)
    spoken = np.count_nonzero(prints.activity[::STEP] >= SPEAKS)
    enough = len(steps) >= CLIP_S * STEPS_PER_SECOND
    if len(prints) >= _PAUSES_S * FRAMES_PER_SECOND:
        along = heard_along(levels, line, prints)
        some = len(steps) >= LITTLE_S * STEPS_PER_SECOND and along.is_inside
        tells = along.share >= (_HEARD if enough else _LITTLE_HEARD) and (enough or some)
    else:
        tells = enough
    return steps if tells and len(steps) >= COVERED * spoken else steps[:0]


def _proves(steps: npt.NDArray[np.int64], least: float) -> bool:
    """Tell whether all there is to compare is enough; its score is `least` at the least."""
    if not len(steps):
        return False
    found, short = score(steps), max(0, _LONG_CLIP_STEPS - len(steps))
    deepest = _DEEPEST_OF_SHORT if short else _DEEPEST
    needed = max(least, _WHOLE_SCORE + _SCORE_PER_STEP * short)
    return found.score >= needed and found.dip <= deepest


def spoken_steps(
    words: npt.NDArray[np.uint32], line: Line, prints: Prints
) -> npt.NDArray[np.int64]:
    """Return errors and signs (n, 2) of the spoken steps along a line."""
    if not len(prints):
        return np.zeros((0, 2), np.int64)
    ready(compare)
    last = prints.first + len(prints) - 1
    seats = np.zeros((last // STEP - prints.first // STEP + 1, 3), np.int32)
    compare(
        words,
        prints.words,
        prints.sure,
        prints.activity,
        prints.first,
        line.offset_frames,
        line.speed,
        STEP,
        seats,
    )
    return seats[seats[:, 2] > 0, :2].astype(np.int64)


class Score(NamedTuple):
    """How well a line agrees, 2.5 at best, and how far its worst stretch falls below the whole."""

    score: float
    dip: float


def score(steps: npt.NDArray[np.int64]) -> Score:
    """Return the score of steps (n, 2) of errors and signs; see the module."""
    sums = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)])
    whole = _worst(sums, len(steps))
    worst = [_worst(sums, round(s * STEPS_PER_SECOND)) for s in _STRETCHES_S]
    return Score(whole + _STRETCH_WEIGHT * sum(worst), whole - worst[-1])


def _worst(sums: npt.NDArray[np.int64], width: int) -> float:
    """Return the agreement of the worst stretch of `width` steps; `sums` are running ones."""
    width = min(width, len(sums) - 1)
    errors, signs = (sums[width:] - sums[: len(sums) - width]).T
    return float(np.min(1.0 - 2.0 * errors / np.maximum(signs, 1)))
