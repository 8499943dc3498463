"""RDS of `loa multiplex`: options over the station's RDS.toml, and whose it may be."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsp.coder.rds_scheduler import RdsScheduler
from dsp.coder.rds_table import RdsTable, content_of
from dsp.errors import Refusal
from transmit.control_codes import CodedStation, require_same_station
from transmit.multiplex_codes import CodedBits
from transmit.rds_file import load_rds_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_PI = re.compile(r"[0-9A-Fa-f]{4}")


@dataclass(frozen=True)
class Rds:
    """RDS as asked for on the command line; `path` is the station's RDS.toml."""

    pi: str | None = None
    ps: str | None = None
    rt: str | None = None
    title: str | None = None
    pty: int | None = None
    ct: bool = False
    path: Path | None = None


def station_on_air(name: str, frequency_hz: float, pi: str | None) -> CodedStation:
    """Return the station that is on the air; refuse where it is not told ("codes.station")."""
    try:
        return CodedStation(name, frequency_hz, pi or "")
    except ValueError as error:
        raise Refusal(
            "codes.station",
            expected="the station on the air, to whom the codes belong",
            got=str(error),
            advice="--station ID --frequency-mhz F --pi PI",
        ) from error


def rds_to_send(rds: Rds, station: str, frequency_hz: float) -> RdsTable | None:
    """Return what is to be said, options over the file; None where nothing was asked for.

    Raises
    ------
    Refusal
        ``rds.*`` for a file that cannot be; ``codes.*`` where it has groups of another station;
        "usage" without a programme identification.
    """
    said: dict[str, Any] = {
        key: value
        for key in ("pi", "ps", "rt", "title", "pty")
        if (value := getattr(rds, key)) is not None
    }
    if rds.ct:
        said["ct"] = True
    if not said and rds.path is None:
        return None
    file = None if rds.path is None else load_rds_file(rds.path)
    table = RdsTable() if file is None else file.table
    if table.pi is None and file is not None and file.station is not None:
        said.setdefault("pi", file.station.pi)
    if "rt" in said and "title" not in said:
        said["title"] = None  # the file's title need not be a piece of another text
    table = dataclasses.replace(table, **said)
    if table.pi is None:
        raise Refusal(
            "usage",
            expected="a programme identification where there is RDS",
            got="no --pi",
            advice="--pi 7001 (7 is Vietnam; the rest is the station's)",
        )
    if not _PI.fullmatch(table.pi) or int(table.pi, 16) == 0:
        raise Refusal(
            "usage",
            expected="--pi of four hexadecimal digits, 0001 to FFFF",
            got=table.pi[:20],
            advice="--pi 7001",
        )
    if file is not None and table.carries_codes:
        owner = file.owner()
        require_same_station(owner, station_on_air(station, frequency_hz, table.pi))
    return table


def bits_of(table: RdsTable | None, now: datetime, *, stereo: bool) -> CodedBits | None:
    """Return the bits of what is to be said, from `now` on; None for nothing."""
    if table is None:
        return None
    content = content_of(table, stereo=stereo, where="the file")
    return CodedBits(RdsScheduler(content, now if table.ct else None))


def told(table: RdsTable | None) -> dict[str, Any] | None:
    """Return what the JSON object says of it."""
    if table is None or table.pi is None:
        return None
    said: dict[str, Any] = {"pi": table.pi.upper(), "ps": table.ps, "rt": table.radiotext}
    return said | {"title": table.title, "pty": table.pty or 0, "ct": table.ct}
