"""`loa receive`: every station of a capture at once, measured, decoded and heard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Arguments = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="FILE (cu8 cs8 cs16 cf32 wav sigmf, also .gz .zst), rtl://SERIAL, tcp://HOST:PORT, "
        "sim:SCENE.toml, mpx:FILE.",
    ),
]
Stations = Annotated[Path | None, typer.Option(help="STATIONS.toml: who is expected where.")]
Frequencies = Annotated[
    list[str] | None,
    typer.Option("--frequency-mhz", help="Receive here; may be given several times."),
]
Scan = Annotated[bool, typer.Option("--scan", help="Find every carrier in the band first.")]
Centre = Annotated[float | None, typer.Option("--centre-mhz", help="What the capture is tuned to.")]
Rate = Annotated[int | None, typer.Option("--rate-hz", help="Samples a second of the capture.")]
Seconds = Annotated[float | None, typer.Option(min=0.1, help="Stop after so much signal.")]
Audio = Annotated[Path | None, typer.Option(help="Folder for each station's audio (48 kHz WAV).")]
Mpx = Annotated[
    Path | None, typer.Option(help="Folder for each multiplex (192 kHz WAV, 1.0 = 100 kHz).")
]
Plot = Annotated[Path | None, typer.Option(help="Draw spectrum, waterfall and stations (PNG).")]


def receive(  # noqa: PLR0913, PLR0917 - typer: every option is a parameter
    arguments: Arguments,
    stations: Stations = None,
    frequency_mhz: Frequencies = None,
    scan: Scan = False,
    centre_mhz: Centre = None,
    rate_hz: Rate = None,
    seconds: Seconds = None,
    audio: Audio = None,
    mpx: Mpx = None,
    plot: Plot = None,
    gain_db: Annotated[
        float | None, typer.Option(help="Of the tuner; without it automatic.")
    ] = None,
    ppm: Annotated[int, typer.Option(help="Error of the tuner's crystal, taken off.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per station and second.")
    ] = False,
) -> int:
    """Receive every station of a capture: deviation, MPX power, RDS, codes, audio, each second.

    Every figure has its uncertainty, or the reason why there is none. Ctrl-C ends a reception
    with its files and summaries complete (exit code 130).

    Example: loa receive band.cu8 --centre-mhz 97 --rate-hz 2400000 --scan --audio out --plot b.png
    """
    from loa.radio.receiving import ReceiveRequest, receive_band, split_arguments

    source, frequencies_hz = split_arguments(arguments, frequency_mhz or [])
    request = ReceiveRequest(
        source=source,
        stations=stations,
        frequencies_hz=frequencies_hz,
        scan=scan,
        centre_hz=None if centre_mhz is None else centre_mhz * 1e6,
        rate_hz=rate_hz,
        seconds=seconds,
        audio=audio,
        multiplex=mpx,
        plot=plot,
        gain_db=gain_db,
        ppm=ppm,
        as_json=as_json,
    )
    return receive_band(request)
