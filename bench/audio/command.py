"""Benches of whole commands: `loa --help`, `loa measure` of a short and of a long file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.material import write_programme
from bench.process_timing import LOA, median_in_turn
from bench.row import row

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT_S = 10.0
LONG_S = 3600.0


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time the commands; `ok` tells whether the required figure was reached."""
    ours, _ = median_in_turn([LOA, "--help"], None, runs=runs, pinned=False)
    yield row("loa --help", ours.wall_s, "s wall", "≤ 0.3", ok=ours.wall_s <= 0.3, runs=runs)
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        short = str(write_programme(Path(folder) / "short.wav", seconds=SHORT_S, channels=1))
        ours, _ = median_in_turn([LOA, "measure", short, "--json"], None, runs=runs, pinned=False)
        yield row(
            "loa measure, 10 s file, whole command",
            ours.wall_s,
            "s wall",
            "≤ 1.0",
            ok=ours.wall_s <= 1.0,
            runs=runs,
        )
        yield measure_an_hour(Path(folder), runs)


def measure_an_hour(folder: Path, runs: int) -> dict[str, Any]:
    """Time `loa measure` of 60 minutes of stereo against FFmpeg's meter."""
    long = str(write_programme(folder / "long.wav", seconds=LONG_S, channels=2))
    ffmpeg = ["ffmpeg", "-nostdin", "-i", long, "-af", "ebur128=peak=true", "-f", "null", "-"]
    ours, peer = median_in_turn([LOA, "measure", long, "--json"], ffmpeg, runs=runs, pinned=False)
    assert peer is not None
    ratio = peer.wall_s / ours.wall_s
    return row(
        "loa measure, 60 min stereo WAV, whole command",
        ours.wall_s,
        "s wall",
        "≥ 8 ×",
        ok=ratio >= 8,
        peer="ffmpeg ebur128=peak=true",
        peer_value=peer.wall_s,
        ratio=ratio,
        runs=runs,
    )


if __name__ == "__main__":
    for line in rows(runs=5):
        print(line)
