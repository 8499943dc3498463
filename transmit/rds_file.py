"""A station's RDS in a file of its own, RDS.toml: what `loa multiplex --rds` sends.

Groups that could open loudspeakers (5A, 6A, 9A, applications, raw groups: nobody knows which of
them a vendor's receivers obey) are control codes, and bound as these are: a file that holds them
names its station in [station], and only a transmission that is that station gets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsp.coder.rds_blocks import parse_group
from dsp.coder.rds_table import RDS_READER, RdsTable
from dsp.errors import Refusal
from transmit.control_codes import CodedStation, require_own_pi


@dataclass(frozen=True)
class RdsFile:
    """What a file says, and whose it is where it says so."""

    table: RdsTable
    station: CodedStation | None

    def owner(self) -> CodedStation:
        """Return the station whose groups these are; refuse ("codes.none") where nobody's."""
        if self.station is None:
            raise Refusal(
                "codes.none",
                expected="[station] with id, frequency_hz and pi in a file with tdc, inhouse, ews, "
                "oda or raw: they can open loudspeakers",
                got="none",
                advice="adding the station whose groups these are",
            )
        return self.station


def load_rds_file(path: Path) -> RdsFile:
    """Return the RDS in a file.

    Raises
    ------
    Refusal
        "rds.missing", "rds.toml", "rds.key", "rds.value", "rds.group".
    """
    content = RDS_READER.load(path, "a file of RDS that can be read")
    return parse_rds_file(content)


def parse_rds_file(content: bytes) -> RdsFile:
    """Return the RDS in the bytes of a file; refusals as `load_rds_file`."""
    keys = dict(RDS_READER.parse(content))
    owner = keys.pop("station", None)
    station = None if owner is None else RDS_READER.read("station", owner, CodedStation)
    table = RDS_READER.read("the file", keys, RdsTable)
    if station is not None:
        groups = tuple(parse_group(text) for text in table.raw)
        require_own_pi(RDS_READER, "the file.raw", groups, int(station.pi, 16))
    return RdsFile(table, station)
