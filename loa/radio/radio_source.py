"""The source of a reception, tuned so that its stations lie well in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest.iq.open_source import DEFAULT_RATE_HZ, SourceOptions, open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.iq.block import IqSource
    from ingest.iq.multiplex_source import MultiplexCard, MultiplexFile
    from ingest.receiver.stations import StationList
    from loa.radio.receiving import ReceiveRequest

LIVE = ("rtl://", "tcp://")
_CLEAR_HZ = 150_000.0  # of the receiver's own DC
_STEP_HZ = 50_000.0


def open_radio(
    request: ReceiveRequest, known: StationList | None
) -> IqSource | MultiplexFile | MultiplexCard:
    """Open what the command line names; a live source is tuned to its stations if nothing is said.

    Raises
    ------
    Refusal
        Of `open_source`; "usage" where a recording does not tell its centre and nobody else does.
    """
    centre_hz = request.centre_hz
    if centre_hz is None and request.source.startswith(LIVE) and known is not None:
        frequencies = [s.frequency_hz for s in known.stations if s.frequency_hz > 0.0]
        centre_hz = middle_of(frequencies, request.rate_hz or DEFAULT_RATE_HZ)
    options = SourceOptions(
        rate_hz=request.rate_hz,
        centre_hz=centre_hz,
        gain_db=request.gain_db,
        ppm=request.ppm,
    )
    return open_source(request.source, options)


def require_centre(source: IqSource, name: str) -> float:
    """Return the centre of a capture, or say that nobody told it."""
    if source.centre_hz is None:
        raise Refusal(
            "iq.centre_missing",
            expected="the frequency that the capture was tuned to",
            got=f"{name}, which does not say it",
            advice="--centre-mhz 97.0, with the frequency it was recorded at",
        )
    return source.centre_hz


def middle_of(frequencies_hz: Sequence[float], rate_hz: int) -> float | None:
    """Return a centre in whose capture all stations lie, none of them on the receiver's DC.

    None without stations; the middle where no place is clear of all.
    """
    if not frequencies_hz:
        return None
    low, high = min(frequencies_hz), max(frequencies_hz)
    middle = round((low + high) / 2 / _STEP_HZ) * _STEP_HZ
    slack = max(rate_hz * 0.42 - (high - low) / 2, 0.0)
    for step in range(int(slack / _STEP_HZ) + 1):
        for side in (1, -1):
            centre = middle + side * step * _STEP_HZ
            if all(abs(centre - f) >= _CLEAR_HZ for f in frequencies_hz):
                return centre
    return middle
