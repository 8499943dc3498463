"""`loa receive`: opens a source, receives its stations, and tells, draws and keeps what was heard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.moments import utc_text
from ingest.receiver.prelude import LOOK_S, Prelude
from ingest.receiver.scan import SCAN_S, scan_band
from ingest.receiver.stations import StationList, load_stations
from loa import reporting
from loa.interrupt import Interrupt
from loa.radio_source import open_radio
from loa.receive_table import LiveTable, print_summaries
from loa.recordings import Recordings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.iq.block import IqSource

EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class ReceiveRequest:
    """What the command line asks for."""

    source: str
    stations: Path | None = None
    frequencies_hz: tuple[float, ...] = ()
    scan: bool = False
    centre_hz: float | None = None
    rate_hz: int | None = None
    seconds: float | None = None
    audio: Path | None = None
    multiplex: Path | None = None
    plot: Path | None = None
    gain_db: float | None = None
    ppm: float = 0.0
    as_json: bool = False


def split_arguments(
    arguments: Sequence[str], frequencies: Sequence[str]
) -> tuple[str, tuple[float, ...]]:
    """Return the source and the frequencies in Hz.

    `--frequency-mhz 96.4 97.1` and `--frequency-mhz 96.4,97.1` are understood as two frequencies:
    what stands among the arguments and is a number is one more.
    """
    numbers = [part for text in frequencies for part in text.split(",")]
    sources = []
    for argument in arguments:
        if frequencies and _is_number(argument):
            numbers.append(argument)
        else:
            sources.append(argument)
    if len(sources) != 1:
        raise Refusal(
            "usage", expected="one SOURCE", got=f"{len(sources)} of them", advice="loa receive --help"
        )
    for number in numbers:
        if not _is_number(number):
            raise Refusal(
                "usage", expected="a frequency in MHz", got=number[:40], advice="--frequency-mhz 96.4"
            )
    # Through the nearest hertz: 96.4 * 1e6 is 96 400 000.000 000 01.
    return sources[0], tuple(float(round(float(number) * 1e6)) for number in numbers)


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e9
    except ValueError:
        return False
