"""May a line be believed? The rule that tells a bulletin from a phrase that two bulletins share.

One announcer, and more so one synthetic voice, says the same words in the same way: two texts share
sentences with other words in their slots, and such a sentence agrees for up to seven seconds with
nothing but a dip at the slot. The dip does not tell it from a true line: the clicks of FM noise
leave the same ones. What tells them apart is that a true line goes on. So a line is believed when
the last `STREAM_S` spoken seconds lie on it without a stretch that does not; and a short clip,
which has no more to say, when all that is spoken in it does; and a short reference when all of it
was heard.

The figures are from 368 excerpts of 10 s over a real FM path at 15 dB and a codec, and from 23
other texts of the same voices (658 ten-second pieces): see docs/campaigns/bench-match.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.kernel import ready
from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import STEP, STEPS_PER_SECOND
from dsp.recognise.line import compare
from dsp.recognise.reference_index import Line

STREAM_S = 8.7  # spoken, while the stream goes on
CLIP_S = 3.5  # spoken, of a clip that has ended
_EDGE = 10  # frames of a reference's ends that may be missing
_HOLE_S = 1.44  # a stretch so long that is off the line is a hole
_AGREEMENT = 0.4
_LEAST_STREAM = 0.25  # agreement of the worst stretch
_LEAST_CLIP = 0.15


def believed_in_stream(words: npt.NDArray[np.uint32], line: Line, prints: Prints) -> bool:
    """Tell whether the last seconds of a stream that goes on prove a line."""
    steps = _spoken_steps(words, line, prints)
    count = round(STREAM_S * STEPS_PER_SECOND)
    return len(steps) >= count and _agree(steps[-count:], _LEAST_STREAM)


def believed_as_whole(words: npt.NDArray[np.uint32], line: Line, prints: Prints) -> bool:
    """Tell whether a reference was heard from its beginning to its end: a jingle has no more."""
    frames = len(words) * STEP
    begins = (0.0 - line.offset_frames) / line.speed
    ends = (frames - line.offset_frames) / line.speed
    inside = prints.first <= begins + _EDGE and ends - _EDGE <= prints.first + len(prints)
    return inside and believed_of_clip(words, line, prints)


def believed_of_clip(words: npt.NDArray[np.uint32], line: Line, prints: Prints) -> bool:
    """Tell whether all of a clip, which has ended, proves a line."""
    steps = _spoken_steps(words, line, prints)
    return len(steps) >= CLIP_S * STEPS_PER_SECOND and _agree(steps, _LEAST_CLIP)


def _spoken_steps(
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


def _agree(steps: npt.NDArray[np.int64], least: float) -> bool:
    """Tell whether steps agree as a whole, and in every stretch at least so much."""
    errors, signs = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)]).T
    width = min(round(_HOLE_S * STEPS_PER_SECOND), len(steps))
    agreement = 1.0 - 2.0 * errors[-1] / max(int(signs[-1]), 1)
    stretches = 1.0 - 2.0 * (errors[width:] - errors[:-width]) / np.maximum(
        signs[width:] - signs[:-width], 1
    )
    return bool(agreement >= _AGREEMENT and stretches.min() >= least)
