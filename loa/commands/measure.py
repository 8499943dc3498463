"""`loa measure`: loudness, peaks, speech level and faults of audio files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MonoAs = Annotated[
    str, typer.Option(help="How a mono file is counted: dual-mono, or mono (3.01 LU lower).")
]


def measure(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Audio files of any usual format.")
    ],
    mono_as: MonoAs = "dual-mono",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file.")] = False,
) -> int:
    """Measure loudness, true peak, speech level, noise and faults of audio files.

    BS.1770-5, EBU Tech 3341 and 3342, P.56. Exit code 0 only if every file could be measured.

    Example: loa measure bulletin.wav --json
    """
    from loa.measuring import measure_files

    return measure_files(files, mono_as=mono_as, as_json=as_json)
