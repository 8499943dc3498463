"""`loa speaker`: the reference loudspeaker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Seconds = Annotated[
    float | None, typer.Option(help="Play for so long; without it until Ctrl-C.", min=0.02)
]
Tap = Annotated[
    Path | None, typer.Option(metavar="WAV", help="Record what was really played, 48 kHz mono.")
]


def speaker(
    settings: Annotated[Path, typer.Argument(metavar="SPEAKER.toml", help="Who it is.")],
    seconds: Seconds = None,
    tap: Tap = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a second.")] = False,
) -> int:
    """Play what comes over RTP, in step with other loudspeakers; a file where nothing comes.

    Example: loa speaker speaker.toml --seconds 60 --tap played.wav
    """
    from loa.speaker.program import run_speaker

    return run_speaker(settings, seconds=seconds, tap=tap, as_json=as_json)
