"""The reception at a terminal: one line a station, renewed as the seconds come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from loa.tables import number, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

# key of the record, heading, divisor, decimals
COLUMNS: tuple[tuple[str, str, float, int], ...] = (
    ("frequency_hz", "MHz", 1e6, 2),
    ("level_dbfs", "dBFS", 1.0, 0),
    ("cn_db", "C/N dB", 1.0, 0),
    ("peak_deviation_hz", "peak kHz", 1e3, 1),
    ("mpx_power_dbr", "MPX dBr", 1.0, 1),
    ("pilot_hz", "pilot kHz", 1e3, 2),
    ("rds_hz", "RDS kHz", 1e3, 2),
    ("offset_hz", "off Hz", 1.0, 0),
    ("occupied_bandwidth_hz", "OBW kHz", 1e3, 0),
    ("loudness_momentary_lufs", "LUFS", 1.0, 1),
)
SUMMARY_COLUMNS = (
    *(column for column in COLUMNS if column[0] != "loudness_momentary_lufs"),
    ("loudness_integrated_lufs", "LUFS I", 1.0, 1),
)
_LONGEST = 40


def receive_table(
    records: Mapping[str, Mapping[str, Any]], *, title: str, summary: bool = False
) -> Table:
    """Return the table of the latest record (or the summary) of every station."""
    from rich.table import Table

    columns = SUMMARY_COLUMNS if summary else COLUMNS
    table = Table(title=title, title_justify="left")
    table.add_column("station", no_wrap=True)
    for _, heading, _, _ in columns:
        table.add_column(heading, justify="right")
    for heading in ("PI", "PS"):
        table.add_column(heading, no_wrap=True)
    table.add_column("BLER %", justify="right")
    table.add_column("RadioText, findings")
    for name, record in records.items():
        cells = [number(scaled(record.get(key), by), places) for key, _, by, places in columns]
        bler = number(scaled(record.get("bler"), 0.01), 0)
        table.add_row(
            plain(name),
            *cells,
            plain(record.get("pi")),
            plain(record.get("ps")),
            bler,
            remark_of(record),
        )
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


class LiveTable:
    """Shows the latest second of every station where a person is watching; a context manager."""

    def __init__(self, title: str, *, live: bool) -> None:
        self._title = title
        self._live_wanted = live
        self._live: Any = None
        self._records: dict[str, Mapping[str, Any]] = {}

    def __enter__(self) -> Self:
        """Begin to show, if this is a terminal."""
        if self._live_wanted:
            from rich.console import Console
            from rich.live import Live

            console = Console(markup=False)
            if console.is_terminal:
                self._live = Live(console=console, transient=True, auto_refresh=False)
                self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the live table away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Renew the lines of the stations in `records`."""
        self._records.update(records)
        if self._live is not None:
            second = max((record["second"] for record in self._records.values()), default=0)
            title = f"{self._title} · {second + 1} s"
            self._live.update(receive_table(self._records, title=title), refresh=True)


def print_summaries(summaries: Mapping[str, Mapping[str, Any]], *, title: str) -> None:
    """Print what a reception found, one line a station."""
    print_table(receive_table(summaries, title=title, summary=True))
