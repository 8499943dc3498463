"""Memory of a reception over a long capture: flat, as fast as the machine can feed it.

    python -m bench.receive.memory [--minutes 30] [--stations 8] [--rate-hz 2400000]

A rendered band is given to the receiver of `loa receive` again and again, with a lost
block and its gap at every seam, everything on; the memory of its own is read every half minute of
signal. What the first two minutes need (tables, the window of MPX power, RDS state) is not growth.
`make long` runs 24 hours of one station at 288 kS/s.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.own_memory import own_mb
from bench.receive.band import CENTRE_HZ, OFFSETS_HZ, RATE_HZ, write_band
from bench.row import row
from ingest.iq.block import IqBlock
from ingest.iq.file_source import FileSource
from ingest.iq.open_source import SourceOptions, open_source
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import StationList

MOST_GROWTH_MB = 5.0
_WARM_S = 120
_EVERY_S = 30
_START_UTC = datetime(2026, 1, 1, tzinfo=UTC)


def blocks(band: npt.NDArray[np.uint8], rate_hz: int, seconds: int) -> Iterator[IqBlock]:
    """Yield the band again and again; a tenth of a second is lost at every seam."""
    index, missing, given, length = 0, 0, 0, rate_hz // 10
    while given < 10 * seconds:
        for begin in range(0, len(band), 2 * length):
            piece = band[begin : begin + 2 * length]
            yield IqBlock(piece, index, _START_UTC + timedelta(seconds=index / rate_hz), missing)
            index += len(piece) // 2
            missing = 0
            given += 1
        missing = length
        index += missing


def grown_mb(*, minutes: float, stations: int, rate_hz: int) -> tuple[float, float]:
    """Return by how much memory grew behind the first two minutes, and the highest seen, in MB."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        # A narrow capture holds the station in its middle alone.
        offsets_hz = OFFSETS_HZ[:stations] if rate_hz == RATE_HZ else (10e3,)
        write_band(folder, rate_hz=rate_hz, offsets_hz=offsets_hz)
        band = np.fromfile(folder / "band.cu8", np.uint8)[: 2 * 10 * rate_hz]
        options = SourceOptions(rate_hz=rate_hz, centre_hz=CENTRE_HZ)
        source = open_source(str(folder / "short.cu8"), options)
        assert isinstance(source, FileSource)
        source.close()
    heard = StationList.of_frequencies(tuple(CENTRE_HZ + hz for hz in offsets_hz))
    receiver = BandReceiver(source, CENTRE_HZ, heard, carriers=[])
    seen: list[float] = []
    for number, block in enumerate(blocks(band, rate_hz, round(60 * minutes))):
        receiver.process(block)
        second, tenth = divmod(number, 10)
        if tenth == 0 and second >= _WARM_S and second % _EVERY_S == 0:
            gc.collect()
            seen.append(own_mb())
    receiver.finish()
    receiver.summaries()
    # The least of the first readings and the most of the last: half of them each.
    half = max(len(seen) // 2, 1)
    return max(seen[half:] or seen) - min(seen[:half]), max(seen)


def rows(
    *, minutes: float = 30.0, stations: int = 8, rate_hz: int = RATE_HZ
) -> Iterator[dict[str, Any]]:
    """One row: how much memory grew."""
    growth_mb, highest_mb = grown_mb(minutes=minutes, stations=stations, rate_hz=rate_hz)
    yield row(
        f"receiver, {stations} stations, growth over {minutes:g} minutes of input"
        f" (highest {highest_mb:.0f} MB with the bench)",
        growth_mb,
        "MB",
        f"≤ {MOST_GROWTH_MB:g}",
        ok=growth_mb <= MOST_GROWTH_MB,
        runs=1,
    )


def main() -> int:
    """Print the row; the exit code is 1 if memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--stations", type=int, default=8)
    parser.add_argument("--rate-hz", type=int, default=RATE_HZ)
    found = list(rows(**vars(parser.parse_args())))
    for line in found:
        print(line)
    return 0 if all(line["ok"] for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
