"""The first moments of a capture, looked at before they are received: nothing of them is lost.

A source can be read once. Its first blocks are copied here, surveyed for carriers, and then given
again in front of the rest.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsp.receive.front.survey import Survey
from ingest.receiver.time_check import with_gaps_told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsp.receive.front.carrier_search import Candidate
    from ingest.iq.block import IqBlock, IqSource

LOOK_S = 0.5
_LEAST_SPACING_HZ = 100_000.0
_WIDEST_HZ = 130_000.0
_NARROWEST_HZ = 50_000.0
_NEIGHBOUR_HALF_HZ = 120_000.0


class Prelude:
    """The start of a source, `seconds` long, and the carriers that stand in it.

    Attributes
    ----------
    held
        The blocks read so far, copied.
    notes
        Holes that the source did not tell of.
    """

    def __init__(self, source: IqSource, seconds: float = LOOK_S) -> None:
        """Read; raises the Refusals of the source."""
        self.notes: list[dict[str, Any]] = []
        self._blocks = with_gaps_told(source.blocks(), source.rate_hz, self.notes)
        self.rate_hz = source.rate_hz
        self._survey = Survey(source.rate_hz, source.full_scale)
        self.held: list[IqBlock] = []
        wanted = round(seconds * source.rate_hz)
        for block in self._blocks:
            copied = replace(block, samples=block.samples.copy())
            self.held.append(copied)
            self._survey.add(copied.samples)
            wanted -= block.count
            if wanted <= 0:
                break

    def carriers(self) -> list[Candidate]:
        """Return the places where a carrier may be, by offset from the centre."""
        return self._survey.carriers()

    def blocks(self) -> Iterator[IqBlock]:
        """Yield the whole source, the start included; once."""
        held, self.held = self.held, []
        return itertools.chain(held, self._blocks)


def half_widths_hz(offsets_hz: list[float], carriers: list[Candidate]) -> list[float]:
    """Return how wide each station's channel may be for its neighbours, named or not.

    ±130 kHz where the next carrier is 250 kHz away or more; beside a closer one, so much that its
    ±120 kHz stay outside. A carrier found within 100 kHz of a station is that station.
    """
    others = [carrier.offset_hz for carrier in carriers]
    widths = []
    for number, offset in enumerate(offsets_hz):
        named = [o for k, o in enumerate(offsets_hz) if k != number and o != offset]
        found = [o for o in others if abs(o - offset) >= _LEAST_SPACING_HZ]
        spacing = min((abs(o - offset) for o in named + found), default=1e9)
        widths.append(min(max(spacing - _NEIGHBOUR_HALF_HZ, _NARROWEST_HZ), _WIDEST_HZ))
    return widths
