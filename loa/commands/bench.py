"""`loa bench`: ours against the peers, in the same run on the same input."""

from __future__ import annotations

from typing import Annotated

import typer

Work = Annotated[
    str,
    typer.Argument(
        metavar="ROOM", help="What to time: audio, multiplex, receive, match, service or stream."
    ),
]
Runs = Annotated[int, typer.Option(min=1, max=50, help="Runs of each; the median counts.")]


def bench(
    work: Work = "audio",
    runs: Runs = 5,
    quality: Annotated[
        bool, typer.Option("--quality", help="Add the intelligibility table (minutes).")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Of match: a few minutes in place of an hour.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
) -> int:
    """Time Loa's work against its peers: value, ratio, what was required.

    Exit code 1 if a required figure is missed.

    Example: loa bench audio --runs 5
    """
    from loa.benching import run_bench

    return run_bench(work, runs=runs, quality=quality, as_json=as_json, quick=quick)
