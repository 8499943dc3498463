"""The relay at a terminal: where its sound comes from, and how each output does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loa import reporting
from loa.live_screen import LiveScreen
from loa.tables import number

if TYPE_CHECKING:
    from rich.table import Table


def relay_table(record: Mapping[str, Any], title: str) -> Table:
    """Return a status record as a table."""
    from rich.table import Table

    table = Table(title=f"{title} · {heard(record)}", title_justify="left")
    for heading in ("output", "profile"):
        table.add_column(heading, overflow="fold")
    for heading in ("LUFS", "through ms", "± ms"):
        table.add_column(heading, justify="right")
    table.add_column("notes", overflow="fold")
    for output in record["outputs"]:
        table.add_row(
            output["name"],
            output["profile"],
            number(output["loudness_lufs"], 1),
            number(output["through_ms"], 1),
            number(output["u"].get("through_ms"), 1),
            ", ".join(_notes(output)),
        )
    return table


def heard(record: Mapping[str, Any]) -> str:
    """Say in words what is relayed."""
    words = {"relaying": "relays", "waiting": "waits for"}
    if record["state"] == "silent":
        return "silent"
    return f"{words[record['state']]} {record['source']}"


def _notes(output: Mapping[str, Any]) -> list[str]:
    notes = []
    if "peak_deviation_hz" in output:
        notes.append(f"{output['peak_deviation_hz'] / 1000:.1f} kHz")
        notes.append(f"clusters {output['clusters']}")
    for key, word in (
        ("datagrams_failed", "not sent"),
        ("lost_samples", "samples nobody took"),
        ("ran_dry", "times dry"),
    ):
        if output.get(key):
            notes.append(f"{output[key]} {word}")
    return notes


class RelayTable(LiveScreen):
    """Shows the newest record where a person is watching; a line where what is relayed changes."""

    def __init__(self, title: str, *, live: bool) -> None:
        super().__init__(wanted=live)
        self._title = title
        self._tells = live
        self._said = ""

    def renew(self, record: Mapping[str, Any]) -> None:
        """Show a record."""
        if self.is_shown:
            self.show(relay_table(record, self._title))
        elif self._tells and heard(record) != self._said:
            self._said = heard(record)
            reporting.note(f"loa: {record['time']} {self._said}")
