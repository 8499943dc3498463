"""The second opinion on a piece: reference and heard sound themselves, without any fingerprint.

It confirms a match, measures its delay to a fraction of a millisecond, or contradicts it: then the
piece is inconclusive, because two methods that share nothing disagree.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dsp.align.coherence import Opinion, second_opinion
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.recognising.excerpt import RATE_HZ, excerpt
from loa.recognising.pieces import Piece

_LONGEST_S = 20.0
_SHORTEST_S = 3
_SLACK_S = 0.5


def ask_about(decoder: Decoder, piece: Piece, reference: Path, heard: Path) -> Refusal | None:
    """Set the opinion of `piece`, and its delay; where it is contradicted, its verdict.

    Return why nothing could be asked: the file that an index was made of may be gone.
    """
    if piece.first.verdict != "match" or len(piece.answers) < _SHORTEST_S:
        return None
    length_s = min(_LONGEST_S, float(len(piece.answers)))
    from_s = piece.from_s + (len(piece.answers) - length_s) / 2
    answer = min(piece.answers, key=lambda a: abs(a.second - from_s))
    assert answer.offset_s is not None
    at_s = answer.offset_s + from_s - answer.second
    begin_s = max(0.0, at_s - _SLACK_S)
    try:
        original = excerpt(decoder, reference, begin_s, length_s + 2 * _SLACK_S)
        sound = excerpt(decoder, heard, from_s, length_s)
    except Refusal as refusal:
        return refusal
    opinion = second_opinion(original, sound, RATE_HZ, delay_s=begin_s - at_s)
    piece.opinion = opinion
    if opinion.verdict == "different":
        piece.answers = [
            replace(
                a,
                verdict="inconclusive",
                reference=None,
                others=tuple(sorted({a.reference or "", *a.others})),
            )
            for a in piece.answers
        ]
        return None
    _take_delay(piece, opinion, from_s - begin_s)
    return None


def _take_delay(piece: Piece, opinion: Opinion, base_s: float) -> None:
    """Take the measured delay: heard from the beginning of the piece, + = heard later."""
    if opinion.verdict != "same" or opinion.reading is None:
        return
    delay = opinion.reading.delay
    if delay.invalid is None and delay.value is not None and delay.u is not None:
        piece.delay_s, piece.u_delay_s = base_s + delay.value, delay.u
