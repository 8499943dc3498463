"""Whether the receiver's uncertainties are honest: scenes to fit by, and others to judge.

    python -m bench.receive.uncertainty [--first 0] [--scenes 6] [--seconds 13] [--speech FOLDER]
                                        [--keep FILE.npz]

Every scene is rendered at five levels of noise (`bench.receive.scenes`: C/N 39 dB beside a
neighbour 20 dB stronger, then 40, 30, 20 and 15 dB), with another programme, loudness and noise for
every number. Constants of the meters were fitted on scenes 0, 1 and 3 of our own bulletin; figures
are stated of other numbers and of recordings of other voices. A row tells, of one figure at one
level: median of |error|, median of u, how many times that it is, the share of errors that u covers,
the largest error over its u (worst), and the mean error.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.receive.scenes import FIGURES, collect_rows, listen, write_scene
from dsp.modulate.dongle import Dongle, DongleSettings
from ingest.scene.render import SceneSource
from ingest.scene.scene import Scene, load_scene

LEVELS: tuple[float | None, ...] = (None, 40.0, 30.0, 20.0, 15.0)
_NO_NOISE_DBFS = -200.0
_PIECE = 240_000


def measured(
    first: int, scenes: int, seconds: float, speech: Path | None = None
) -> npt.NDArray[np.float64]:
    """Return rows of level, figure, error and u, all seconds of all stations of all scenes."""
    rows = []
    for number in range(first, first + scenes):
        for level, found, truth, true_db in received(number, seconds, speech):
            for key, error, u in collect_rows(found, truth, true_db):
                rows.append((level, FIGURES.index(key), error, u))
    return np.array(rows)


def received(
    number: int, seconds: float, speech: Path | None
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any], float]]:
    """Yield level, records, truth and true C/N of a scene; rendered once, with every noise."""
    clean: tuple[list[str], npt.NDArray[np.complex64], dict[str, Any]] | None = None
    for level, cn_db in enumerate(LEVELS):
        with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
            path, true_db = write_scene(Path(folder), cn_db, seconds, number=number, speech=speech)
            scene = load_scene(path)
            # The neighbour of the first level is in no other.
            if level <= 1 or clean is None:
                clean = _rendered(scene)
        wanted, iq, truth = clean
        seed = scene.capture.seed + level
        dongle = Dongle(DongleSettings(noise_dbfs=scene.dongle.noise_dbfs, seed=seed))
        pieces = (dongle.process(iq[at : at + _PIECE]) for at in range(0, len(iq), _PIECE))
        yield level, listen(wanted, pieces), truth, true_db


def _rendered(scene: Scene) -> tuple[list[str], npt.NDArray[np.complex64], dict[str, Any]]:
    """Return the stations to hear, the band without any noise, and the truth."""
    quiet = replace(scene, dongle=replace(scene.dongle, noise_dbfs=_NO_NOISE_DBFS))
    source = SceneSource(quiet, sample_format="complex64", with_truth=True)
    iq = np.concatenate([block.samples for block in source.blocks()])
    wanted = [station.id for station in scene.stations if station.id != "loud"]
    return wanted, iq, source.truth()["stations"]


def table(rows: npt.NDArray[np.float64]) -> list[str]:
    """Return the lines of a table, in Markdown."""
    lines = [
        "| figure | C/N, dB | n | median error | median u | times | covered, % | worst | bias |",
        "|---" * 9 + "|",
    ]
    for number, key in enumerate(FIGURES):
        for level in (*range(len(LEVELS)), -1):
            own = rows[(rows[:, 1] == number) & ((rows[:, 0] == level) | (level < 0))]
            if not len(own):
                continue
            size, u = np.abs(own[:, 2]), own[:, 3]
            name = "all" if level < 0 else f"{LEVELS[level] or '39, neighbour'}"
            median, wide = np.median(size), np.median(u)
            covered, worst, bias = np.mean(size <= u), np.max(size / u), own[:, 2].mean()
            lines.append(
                f"| {key} | {name} | {len(own)} | {median:.3g} | {wide:.3g} | {wide / median:.1f} "
                f"| {100 * covered:.1f} | {worst:.1f} | {bias:+.2g} |"
            )
    return lines


def main() -> None:
    """Render, receive, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=13.0)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    rows = measured(chosen.first, chosen.scenes, chosen.seconds, chosen.speech)
    if chosen.keep:
        np.savez_compressed(chosen.keep, rows=rows)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
