"""What a second of sound was found to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["match", "unknown", "silence", "hiss", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One second heard.

    Parameters
    ----------
    second
        Of the stream: it covers [second, second + 1).
    verdict
        ``match``: this second is `reference`. ``unknown``: speech or music that is no reference.
        ``silence``, ``hiss``: nothing is said. ``inconclusive``: too little speech yet, or a piece
        that several references share and nothing yet tells which of them is heard.
    reference
        Id of the reference; with ``silence`` the one that was being heard, if any.
    offset_s
        Moment of the reference at the beginning of the second; None without a reference.
    u_s
        Uncertainty (k = 2) of the offset.
    confidence
        1 minus the probability that speech which is none of the references would look like this.
        For ``unknown``, that a reference would have been recognised by now.
    completeness
        Share of the speaking seconds of the reference heard so far, 0 to 1; None without one.
    gain_db, u_db
        Level heard minus level of the reference, and its uncertainty (k = 2); None if not known.
    others
        Further references that fit as well, sorted.
    level_dbfs
        Level in the speech band.
    """

    second: int
    verdict: Verdict
    reference: str | None = None
    offset_s: float | None = None
    u_s: float | None = None
    confidence: float = 0.0
    completeness: float | None = None
    gain_db: float | None = None
    u_db: float | None = None
    others: tuple[str, ...] = ()
    level_dbfs: float = -120.0
