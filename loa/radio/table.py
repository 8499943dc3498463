"""The reception at a terminal: one line a station, renewed as the seconds come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loa.live_screen import LiveScreen
from loa.tables import number, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

# key of the record, heading, divisor, decimals, least width of the terminal to show it
COLUMNS: tuple[tuple[str, str, float, int, int], ...] = (
    ("frequency_hz", "MHz", 1e6, 2, 0),
    ("level_dbfs", "dBFS", 1.0, 0, 90),
    ("cn_db", "C/N", 1.0, 0, 0),
    ("peak_deviation_hz", "peak kHz", 1e3, 1, 0),
    ("mpx_power_dbr", "MPX dBr", 1.0, 1, 0),
    ("pilot_hz", "pilot kHz", 1e3, 2, 100),
    ("rds_hz", "RDS kHz", 1e3, 2, 100),
    ("offset_hz", "off Hz", 1.0, 0, 0),
    ("occupied_bandwidth_hz", "OBW kHz", 1e3, 0, 130),
    ("loudness_momentary_lufs", "LUFS", 1.0, 1, 80),
)
INTEGRATED = ("loudness_integrated_lufs", "LUFS I", 1.0, 1, 80)
_BLER_FROM = 120
_LONGEST = 40
_PIPE_WIDTH = 160


def receive_table(
    records: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
    summary: bool = False,
    width: int = _PIPE_WIDTH,
) -> Table:
    """Return the table of the latest record (or the summary) of every station.

    Where `width` is small, the columns that matter least are left out.
    """
    from rich.table import Table

    columns = [*COLUMNS[:-1], INTEGRATED] if summary else COLUMNS
    shown = [column for column in columns if width >= column[4]]
    table = Table(title=title, title_justify="left")
    table.add_column("station", no_wrap=True)
    for _, heading, _, _, _ in shown:
        table.add_column(heading, justify="right", min_width=5)
    for heading in ("PI", "PS"):
        table.add_column(heading, no_wrap=True)
    if width >= _BLER_FROM:
        table.add_column("BLER %", justify="right")
    table.add_column("RadioText; findings", min_width=12)
    for name, record in records.items():
        cells = [number(scaled(record.get(key), by), places) for key, _, by, places, _ in shown]
        cells += [plain(record.get("pi")), plain(record.get("ps"))]
        if width >= _BLER_FROM:
            cells.append(number(scaled(record.get("bler"), 0.01), 0))
        table.add_row(plain(name), *cells, remark_of(record))
    return table


def scaled(value: Any, divisor: float) -> float | None:
    """Return a figure in the unit of its column; None where it was not measured."""
    return None if value is None else float(value) / divisor


def plain(text: object) -> str:
    """Return text off the air for a terminal: printable, short, a dash for none."""
    if not text:
        return "–"
    shown = "".join(c if c.isprintable() else "?" for c in str(text)).rstrip()
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def remark_of(record: Mapping[str, Any]) -> str:
    """Return what stands in the last column: RadioText, then findings, then gaps."""
    parts = [plain(record["rt"])] if record.get("rt") else []
    parts += [plain(finding.replace("_", " ")) for finding in record.get("findings", ())]
    if record.get("dtmf"):
        parts.append(f"DTMF {plain(record['dtmf'])}")
    if record.get("missing_samples"):
        parts.append(f"{record['missing_samples']} samples lost")
    return "; ".join(dict.fromkeys(parts)) or "–"


class LiveTable(LiveScreen):
    """Shows the latest second of every station where a person is watching; a context manager."""

    def __init__(self, title: str, *, live: bool) -> None:
        super().__init__(wanted=live)
        self._title = title
        self._records: dict[str, Mapping[str, Any]] = {}

    def renew(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Renew the lines of the stations in `records`."""
        self._records.update(records)
        if self.is_shown:
            second = max((record["second"] for record in self._records.values()), default=0)
            title = f"{self._title} · {second + 1} s"
            self.show(receive_table(self._records, title=title, width=self.width))


SCAN_COLUMNS: tuple[tuple[str, str, float, int], ...] = (
    ("carrier_hz", "MHz", 1e6, 4),
    ("level_dbfs", "dBFS", 1.0, 0),
    ("cn_db", "C/N dB", 1.0, 0),
    ("width_hz", "width kHz", 1e3, 0),
)


def print_scan(lines: Sequence[Mapping[str, Any]], *, title: str) -> None:
    """Print which carriers a scan found."""
    from rich.table import Table

    table = Table(title=f"{title} · carriers found", title_justify="left")
    table.add_column("station", no_wrap=True)
    for _, heading, _, _ in SCAN_COLUMNS:
        table.add_column(heading, justify="right")
    for heading in ("known", "stereo", "RDS", "PI", "PS"):
        table.add_column(heading)
    for line in lines:
        cells = [number(scaled(line[key], by), places) for key, _, by, places in SCAN_COLUMNS]
        flags = ["yes" if line[key] else "–" for key in ("known", "stereo", "rds")]
        table.add_row(plain(line["station"]), *cells, *flags, plain(line["pi"]), plain(line["ps"]))
    print_table(table)


def print_summaries(summaries: Mapping[str, Mapping[str, Any]], *, title: str) -> None:
    """Print what a reception found, one line a station."""
    from rich.console import Console

    console = Console(markup=False)
    width = console.width if console.is_terminal else max(console.width, _PIPE_WIDTH)
    table = receive_table(summaries, title=title, summary=True, width=width)
    Console(width=width, markup=False).print(table)
