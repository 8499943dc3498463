"""`loa bench`: runs the benches of a room and prints their rows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from loa import reporting
from loa.tables import number, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

# What can be timed, and the modules of `bench` whose rows it is made of.
ROOMS = {
    "audio": ("bench.audio.measure", "bench.audio.command", "bench.audio.encode"),
    "multiplex": ("bench.receive.multiplex", "bench.receive.scene"),
    "match": ("bench.match.rows", "bench.align.rows"),
    "service": ("bench.service.rows", "bench.service.hosts"),
    "stream": (
        "bench.stream.rows",
        "bench.stream.relay",
        "bench.stream.emergency",
        "bench.stream.restart",
    ),
    "receive": (
        "bench.receive.front",
        "bench.receive.rds",
        "bench.receive.band",
    ),
}


def rows_of(work: str, *, runs: int, quality: bool, quick: bool) -> Iterator[dict[str, Any]]:
    """Rows of everything that `work` is made of; `quick` is for `match` alone."""
    more = {"quick": quick} if work == "match" else {}
    for room in ROOMS[work]:
        yield from importlib.import_module(room).rows(runs=runs, **more)
    if work == "audio" and quality:
        yield from importlib.import_module("bench.audio.intelligibility").rows()


def run_bench(work: str, *, runs: int, quality: bool, as_json: bool, quick: bool = False) -> int:
    """Print the rows of `work`; 1 if a required figure is missed."""
    if work not in ROOMS:
        raise Refusal("usage", expected=" or ".join(ROOMS), got=work, advice="loa bench audio")
    found = []
    for row in rows_of(work, runs=runs, quality=quality, quick=quick):
        found.append(row)
        if as_json:
            reporting.print_json("bench", row)
        else:
            reporting.note(f"{row['work']}: {number(row['value'], 2)} {row['unit']}")
    if not as_json:
        print_rows(found)
    return 1 if any(row["ok"] is False for row in found) else 0


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table for a person."""
    from rich.table import Table

    table = Table(title="medians; ours and the peer in the same run on the same input, one core")
    for heading in ("work", "ours", "unit", "peer", "peer's", "ratio", "required", "runs", "ok"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        verdict = {True: "yes", False: "NO", None: ""}[row["ok"]]
        table.add_row(
            row["work"],
            number(row["value"], 2),
            row["unit"],
            row["peer"] or "",
            number(row["peer_value"], 2),
            number(row["ratio"], 2),
            str(row["required"] or ""),
            str(row["runs"]),
            verdict,
        )
    print_table(table)
