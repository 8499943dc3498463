"""`loa play`: a commune's schedule to its loudspeakers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def play(
    schedule: Annotated[
        Path, typer.Argument(metavar="SCHEDULE.toml", help="SCHEDULE.toml: zones, items, inbox.")
    ],
    seconds: Annotated[
        float | None, typer.Option(help="End after so long; otherwise with Ctrl-C.", min=0.02)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One loa.status/1 object a line.")
    ] = False,
) -> int:
    """Play a schedule and signed bulletins to every zone over RTP in real time.

    Example: loa play SCHEDULE.toml --json
    """
    from loa.play.program import run_play

    return run_play(schedule, seconds, as_json=as_json)
