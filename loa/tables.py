"""Tables for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from dsp.measure.figures import ProgrammeFigures
    from loa.bulletin import MasterReport

# key of contract.md, heading, unit, decimals
FIGURE_ROWS: tuple[tuple[str, str, str, int], ...] = (
    ("duration_s", "duration", "s", 2),
    ("integrated_lufs", "integrated loudness", "LUFS", 2),
    ("loudness_range_lu", "loudness range", "LU", 1),
    ("max_momentary_lufs", "loudest 0.4 s", "LUFS", 1),
    ("max_short_term_lufs", "loudest 3 s", "LUFS", 1),
    ("true_peak_dbtp", "true peak", "dBTP", 2),
    ("sample_peak_dbfs", "sample peak", "dBFS", 2),
    ("active_speech_level_dbov", "speech level (P.56)", "dBov", 1),
    ("speech_activity_percent", "speech activity", "%", 0),
    ("noise_floor_dbfs", "noise in pauses", "dBFS", 1),
)
FEW_FILES = 3
PIPE_WIDTH = 106
BRIEF = (
    "duration_s",
    "integrated_lufs",
    "true_peak_dbtp",
    "active_speech_level_dbov",
    "noise_floor_dbfs",
)


def number(value: Any, decimals: int) -> str:
    """Format a figure; a dash where it could not be measured."""
    return "–" if value is None else f"{value:.{decimals}f}"


def figures_table(rows: Sequence[tuple[str, ProgrammeFigures]]) -> Table:
    """Give a few files a column each, and many files a row each."""
    return _file_columns(rows) if len(rows) <= FEW_FILES else _file_rows(rows)


def _file_columns(rows: Sequence[tuple[str, ProgrammeFigures]]) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("figure")
    table.add_column("unit")
    for name, _ in rows:
        table.add_column(name, justify="right", overflow="fold")
    for key, heading, unit, decimals in FIGURE_ROWS:
        values = [number(getattr(figures, key), decimals) for _, figures in rows]
        table.add_row(heading, unit, *values)
    table.add_row("mono counted as", "", *[str(figures.mono_as or "–") for _, figures in rows])
    table.add_row("faults", "", *[faults_text(figures.faults) for _, figures in rows])
    return table


def _file_rows(rows: Sequence[tuple[str, ProgrammeFigures]]) -> Table:
    from rich.table import Table

    keys = [row for row in FIGURE_ROWS if row[0] in BRIEF]
    table = Table()
    table.add_column("file", overflow="fold")
    for _, heading, unit, _ in keys:
        table.add_column(f"{heading} {unit}", justify="right")
    table.add_column("faults")
    for name, figures in rows:
        values = [number(getattr(figures, key), decimals) for key, _, _, decimals in keys]
        table.add_row(name, *values, faults_text(figures.faults))
    return table


def faults_text(faults: Iterable[Any]) -> str:
    """Name the faults found, or say that there is none; mere notes are not faults."""
    kinds = [fault.kind.replace("_", " ") for fault in faults if not fault.note]
    return ", ".join(dict.fromkeys(kinds)) or "none"


def print_table(table: Table) -> None:
    """Print a table on stdout, whole also where stdout is a pipe."""
    from rich.console import Console

    console = Console(markup=False)
    width = None if console.is_terminal else max(console.width, PIPE_WIDTH)
    Console(width=width, markup=False).print(table)


def renditions_table(reports: Sequence[MasterReport]) -> Table:
    """One row a rendition: what it is and what it measures after decoding."""
    from rich.table import Table

    table = Table()
    headings = ("target", "file", "kbit/s", "before LUFS", "after LUFS", "LRA LU", "peak dBTP")
    for heading in (*headings, "trim dB", "limited by", "holds"):
        named = heading in ("target", "file")
        table.add_column(heading, justify="left" if named else "right", no_wrap=named)
    for report in reports:
        for rendition in report.renditions:
            after = rendition.proof.figures
            table.add_row(
                rendition.profile.name,
                rendition.output.name,
                number(rendition.as_dict()["bit_rate_bps"] / 1000, 0),
                number(report.before.integrated_lufs, 1),
                number(after.integrated_lufs, 2),
                number(after.loudness_range_lu, 1),
                number(after.true_peak_dbtp, 2),
                number(rendition.encoded.trim_db, 2),
                (rendition.limited_by or "–").replace("_", " "),
                "yes" if rendition.holds else "NO",
            )
    return table
