"""What a station of a scene says over RDS: its own keys, and [station.rds] for everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dsp.coder.rds_table import RdsTable, content_of

if TYPE_CHECKING:
    from dsp.coder.rds_content import RdsContent
    from ingest.scene.scene import StationTable

#: Keys of the station itself, by their names in `RdsTable`.
_OF_THE_STATION = ("pi", "ps", "rt", "pty", "ct", "raw")


def said_twice(table: RdsTable) -> str | None:
    """Return the first key of [station.rds] that is one of the station itself, None for none."""
    plain = RdsTable()
    return next((k for k in _OF_THE_STATION if getattr(table, k) != getattr(plain, k)), None)


def rds_content(table: StationTable) -> RdsContent | None:
    """Return what the station sends, None without RDS; raises Refusal as `content_of`."""
    if not table.rds_hz:
        return None
    said = replace(
        table.rds or RdsTable(),
        pi=table.pi,
        ps=table.ps or table.id[:8],
        rt=table.rt or None,
        pty=table.pty,
        ct=table.ct,
        raw=tuple(group.upper() for group in table.rds_groups),
    )
    return content_of(said, stereo=table.stereo, where="rds")
