"""`loa match`: which bulletin was heard, how late, how complete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

References = Annotated[
    list[Path],
    typer.Argument(metavar="REFERENCE…", help="Audio files, or folders made by `loa index add`."),
]
Heard = Annotated[
    str,
    typer.Option(
        metavar="FILE|SOURCE",
        help="What was heard: an audio file, or what `loa receive` takes "
        "(IQ file, rtl://SERIAL, tcp://HOST:PORT, sim:SCENE.toml, mpx:FILE).",
    ),
]
Plot = Annotated[
    Path | None, typer.Option(help="Draw both waveforms aligned, and their coherence (PNG).")
]
Delays = Annotated[
    Path | None,
    typer.Option(help="Write how late each file or station was, window by window (JSON lines)."),
]


def match(  # noqa: PLR0913, PLR0917 - one for each option
    references: References,
    heard: Heard,
    plot: Plot = None,
    delays: Delays = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so much.")] = None,
    centre_mhz: Annotated[
        float | None, typer.Option("--centre-mhz", help="What an IQ capture is tuned to.")
    ] = None,
    rate_hz: Annotated[
        int | None, typer.Option("--rate-hz", help="Samples a second of an IQ capture.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per piece.")] = False,
) -> int:
    """Tell, piece by piece, which reference was heard, how late, how complete and how loud.

    Exit code 1 if a piece of what was heard is none of the references or cannot be told.

    Example: loa match bulletin.wav --heard off-air.wav --plot aligned.png
    """
    from loa.recognising.matching import MatchRequest, match_heard

    return match_heard(
        MatchRequest(
            references=references,
            heard=heard,
            plot=plot,
            delays=delays,
            seconds=seconds,
            centre_hz=None if centre_mhz is None else centre_mhz * 1e6,
            rate_hz=rate_hz,
            as_json=as_json,
        )
    )
