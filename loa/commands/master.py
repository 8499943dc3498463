"""`loa master`: a bulletin ready for its target, proved after decoding."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Outputs = Annotated[
    list[Path],
    typer.Option(
        "-o",
        "--output",
        help="Where to write; the codec follows the extension: .mp3 .m4a .aac .opus .flac .wav "
        ".g722 .ulaw .alaw. May be given several times.",
    ),
]
Target = Annotated[str, typer.Option(help="ip, fm, web or the path of a PROFILE.toml.")]
Plot = Annotated[
    Path | None, typer.Option(help="Draw waveform, loudness and gain before and after (SVG).")
]


def master(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The bulletin, in any usual audio format.")
    ],
    outputs: Outputs,
    target: Target = "ip",
    plot: Plot = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per output.")] = False,
) -> int:
    """Master a bulletin for its target, encode it, decode it again and prove the result.

    Example: loa master bulletin.wav -o bulletin.opus -o bulletin.mp3 --target ip --plot gain.svg
    """
    from loa.mastering import master_files

    return master_files(file, tuple(outputs), target=target, plot=plot, as_json=as_json)
