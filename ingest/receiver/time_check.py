"""Samples against the clock: a hole that nobody told of.

A dongle drops buffers without a word: the count of samples goes on as if nothing were, only the
time of the next block is ahead. Between two blocks the sample clock drifts by no more than some
microseconds; what is longer is missing. Sources that watch their own clock give blocks that fit
(`ingest/iq/arrivals.py`) and pass unchanged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.iq.block import IqBlock

# 200 ppm of drift over half a second; a dropped USB packet is 256 bytes, most drops 16 ms and more.
LEAST_S = 1e-4


def with_gaps_told(
    blocks: Iterable[IqBlock], rate_hz: int, notes: list[dict[str, Any]]
) -> Iterator[IqBlock]:
    """Yield `blocks` with their true index, what the clock says is missing before them added.

    Each hole found is added to `notes`.
    """
    lost, previous = 0, None
    for block in blocks:
        missing = 0
        if previous is not None:
            told_s = (block.index - previous.index) / rate_hz
            ahead_s = (block.time_utc - previous.time_utc).total_seconds() - told_s
            if ahead_s > LEAST_S:
                missing = round(ahead_s * rate_hz)
                lost += missing
                detail = f"{missing} samples missing by the clock"
                notes.append({"kind": "gap", "detail": detail, "index": block.index + lost})
        previous = block
        yield replace(
            block, index=block.index + lost, missing_samples=block.missing_samples + missing
        )
