"""`loa receive`: what is asked for, checked; the reception itself is in `reception.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest.receiver.stations import StationList, load_stations
from loa.interrupt import Interrupt
from loa.radio.radio_source import open_radio
from loa.radio.reception import Reception

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    ppm: int = 0
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
            "usage",
            expected="one SOURCE",
            got=f"{len(sources)} of them",
            advice="loa receive --help",
        )
    for number in numbers:
        if not _is_number(number):
            raise Refusal(
                "usage",
                expected="a frequency in MHz",
                got=number[:40],
                advice="--frequency-mhz 96.4",
            )
    # Through the nearest hertz: 96.4 * 1e6 is 96 400 000.000 000 01.
    return sources[0], tuple(float(round(float(number) * 1e6)) for number in numbers)


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e9
    except ValueError:
        return False


def receive_band(request: ReceiveRequest) -> int:
    """Receive what `request` asks for; return the exit code of the command."""
    _check_usage(request)
    known = None if request.stations is None else load_stations(request.stations)
    if request.frequencies_hz:
        known = StationList.of_frequencies(request.frequencies_hz)
    source = open_radio(request, known)
    live = source.time_basis == "received"
    try:
        with Interrupt(on_stop=source.close if live else None) as stop:
            return Reception(request, source, known, stop).run()
    finally:
        source.close()


def _check_usage(request: ReceiveRequest) -> None:
    multiplex = request.source.startswith("mpx:")
    chosen = [request.stations is not None or request.scan, bool(request.frequencies_hz)]
    if multiplex and (request.scan or request.frequencies_hz):
        raise Refusal(
            "usage",
            expected="a multiplex, which is one station",
            got="--scan or --frequency-mhz",
            advice="leaving it out",
        )
    if not multiplex and sum(chosen) != 1:
        raise Refusal(
            "usage",
            expected="--stations STATIONS.toml, --frequency-mhz F, or --scan",
            got="none of them" if not any(chosen) else "two of them",
            advice="--scan, to find every carrier",
        )
    if request.audio is not None and request.audio == request.multiplex:
        raise Refusal(
            "usage",
            expected="different folders for --audio and --mpx",
            got=f"{request.audio} for both",
            advice="--audio out/audio --mpx out/mpx",
        )
