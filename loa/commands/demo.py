"""`loa demo`: the main job on the bulletin that ships with Loa."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for the page and the audio.")]


def demo(
    output: Output = Path("out/demo"),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per rendition and station.")
    ] = False,
    through_relay: Annotated[
        bool,
        typer.Option(
            "--relay/--no-relay",
            help="Also through `loa relay` to IP and FM horns, half a minute in real time.",
        ),
    ] = True,
) -> int:
    """Take a spoken Vietnamese bulletin through the main job and make a page to look at.

    Measured, mastered for the three targets, encoded, decoded again and measured again; then the
    FM master goes on the air of three simulated transmitters and is received live; then the
    bulletin goes through `loa relay` to two loudspeakers and an FM horn, an emergency breaks in and
    a forgery is refused: real programs, in real time.

    Example: loa demo -o /tmp/loa-demo
    """
    from loa.demo.demonstration import run_demo

    return run_demo(output, as_json=as_json, through_relay=through_relay)
