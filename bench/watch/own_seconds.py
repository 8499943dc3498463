"""What a receiver reads of a station's own carrier, second by second: errors of real receptions.

    python -m bench.watch.own_seconds                # from what `bench.watch.reception` has kept

Whoever makes records without a receiver (`bench.watch.brief_station`) draws from these, whole runs
at a time, so that what belongs together stays together. `own_seconds.json`: a list of receptions,
each with `rds`, `stereo` and rows of offset error in Hz, its u, C/N in dB, peak deviation in Hz,
and the loudness that goes with them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.watch.reception import kept_folder

_FILE = Path(__file__).with_suffix(".json")
_LEAST_ROWS = 7


@dataclass(frozen=True)
class OwnSeconds:
    """A run of good seconds of one reception; rows as in the module."""

    rds: bool
    stereo: bool
    rows: tuple[tuple[float, float, float, float, float | None], ...]


@functools.cache
def own_seconds() -> tuple[OwnSeconds, ...]:
    """Return the runs of the file."""
    return tuple(
        OwnSeconds(run["rds"], run["stereo"], tuple(tuple(row) for row in run["rows"]))
        for run in json.loads(_FILE.read_text())
    )


def run_of(kept: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run of a kept reception before its first fault, None where it is too short."""
    trial = kept["trial"]
    first_s = min((fault["start_s"] for fault in trial["faults"]), default=28.0)
    rows = [
        [
            round(record["offset_hz"] - trial["offset_hz"], 2),
            round(record["u"]["offset_hz"], 2),
            round(record["cn_db"], 2),
            round(record["peak_deviation_hz"]),
            record["loudness_momentary_lufs"] and round(record["loudness_momentary_lufs"], 1),
        ]
        for record in kept["records"]
        if record["second"] + 1 <= first_s and record["offset_hz"] is not None
        and record["peak_deviation_hz"] is not None
    ]  # fmt: skip
    if len(rows) < _LEAST_ROWS:
        return None
    return {"rds": trial["rds"], "stereo": trial["stereo"], "rows": rows}


def main() -> None:
    """Write the file."""
    found = [run_of(json.loads(path.read_text())) for path in sorted(kept_folder().glob("*.json"))]
    runs = [run for run in found if run is not None]
    _FILE.write_text(json.dumps(runs, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    print(len(runs), "receptions,", sum(len(run["rows"]) for run in runs), "seconds")


if __name__ == "__main__":
    main()
