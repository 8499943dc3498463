"""Whether the receiver's uncertainties are honest: scenes to fit by, and others to judge.

    python -m bench.receive_uncertainty [--first 0] [--scenes 6] [--seconds 13] [--speech FOLDER]
                                        [--keep FILE.npz]

Every scene is rendered at five levels of noise (`bench.receive_scenes`: C/N 39 dB beside a
neighbour 20 dB stronger, then 40, 30, 20 and 15 dB), with another programme, loudness and noise for
every number. Constants of the meters were fitted on scenes 0, 1 and 3 of our own bulletin; figures
are stated of other numbers and of recordings of other voices. A row tells, of one figure at one
level: median of |error|, median of u, how many times that it is, the share of errors that u covers,
the largest error over its u (worst), and the mean error.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.receive_scenes import FIGURES, collect_rows, receive, write_scene

LEVELS: tuple[float | None, ...] = (None, 40.0, 30.0, 20.0, 15.0)


def measured(
    first: int, scenes: int, seconds: float, speech: Path | None = None
) -> npt.NDArray[np.float64]:
    """Return rows of level, figure, error and u, all seconds of all stations of all scenes."""
    rows = []
    for number in range(first, first + scenes):
        for level, cn_db in enumerate(LEVELS):
            with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
                path, true_db = write_scene(
                    Path(folder), cn_db, seconds, number=number, speech=speech
                )
                found, truth = receive(path)
            for key, error, u in collect_rows(found, truth, true_db):
                rows.append((level, FIGURES.index(key), error, u))
    return np.array(rows)


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
