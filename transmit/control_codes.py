"""Control codes that open and close the loudspeaker clusters of one station, from its own file.

Commune encoders send DTMF over the programme or vendor-made RDS groups ("zone on", "zone off").
Whoever sends them rules other people's loudspeakers. Therefore no code is built in, none can be
searched or counted through, and codes are bound: a file belongs to one station by id, frequency and
PI, and only a transmission that is that station gets them (docs/decisions/0004).

    [station]
    id = "duc-my"
    frequency_hz = 96.4e6
    pi = "7001"
    [[code]]
    name = "open-all"
    dtmf = "15#"                       # with on_s, off_s, level_dbfs
    repeats = 2
    [[code]]
    name = "zone-3-on"
    rds = ["7001 6023 0001 00FF"]      # whole groups; each begins with the station's PI
    repeats = 5
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsp.coder.dtmf import dtmf_burst
from dsp.coder.rds_blocks import Group, parse_group
from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.typed_table import TableReader

MOST_CODES = 200
MOST_REPEATS = 10
MOST_DIGITS = 20
MOST_GROUPS = 20
#: What receivers of the Q.24 kind need, on and off.
SHORTEST_S = 0.04
LONGEST_S = 1.0

_READER = TableReader("codes")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PI = re.compile(r"[0-9A-Fa-f]{4}")


@dataclass(frozen=True)
class CodedStation:
    """The one station that a file of codes belongs to."""

    id: str
    frequency_hz: float
    pi: str

    def __post_init__(self) -> None:
        """Check the three names of a station."""
        if not _NAME.fullmatch(self.id):
            raise ValueError(f"id: expected letters, digits, . _ -, got {self.id!r}")
        if not 50e6 <= self.frequency_hz <= 110e6:
            raise ValueError(
                f"frequency_hz: expected within 50e6 … 110e6, got {self.frequency_hz:g}"
            )
        if not _PI.fullmatch(self.pi) or int(self.pi, 16) == 0:
            raise ValueError(f"pi: expected four hexadecimal digits, not 0000, got {self.pi!r}")

    def __str__(self) -> str:
        """Return the station in words."""
        return f"{self.id} on {self.frequency_hz / 1e6:g} MHz with PI {self.pi.upper()}"


@dataclass(frozen=True)
class ControlCode:
    """One code: DTMF digits over the programme, or RDS groups; sent `repeats` times."""

    name: str
    dtmf: str = ""
    rds: tuple[str, ...] = ()
    repeats: int = 1
    on_s: float = 0.1
    off_s: float = 0.1
    level_dbfs: float = -10.0

    def __post_init__(self) -> None:
        """Check everything that can be checked without the station."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: expected letters, digits, . _ -, got {self.name!r}")
        if bool(self.dtmf) == bool(self.rds):
            raise ValueError("dtmf, rds: expected one of the two")
        if len(self.dtmf) > MOST_DIGITS or len(self.rds) > MOST_GROUPS:
            raise ValueError(f"expected up to {MOST_DIGITS} digits or {MOST_GROUPS} groups")
        if not 1 <= self.repeats <= MOST_REPEATS:
            raise ValueError(f"repeats: expected 1 to {MOST_REPEATS}, got {self.repeats}")
        for key in ("on_s", "off_s"):
            if not SHORTEST_S <= getattr(self, key) <= LONGEST_S:
                raise ValueError(
                    f"{key}: expected {SHORTEST_S} to {LONGEST_S}, got {getattr(self, key)}"
                )
        if not -40.0 <= self.level_dbfs <= -6.1:
            raise ValueError(f"level_dbfs: expected -40 to -6.1, got {self.level_dbfs}")
        try:
            self.groups()
            if self.dtmf:
                self.audio(8_000)
        except Refusal as refusal:
            raise ValueError(f"{refusal.expected}, got {refusal.got}") from refusal

    def audio(self, rate_hz: int) -> Samples:
        """Return the DTMF as audio, float32 (n,), all repeats; empty for an RDS code."""
        if not self.dtmf:
            return np.empty(0, np.float32)
        burst = dtmf_burst(self.dtmf, rate_hz, self.level_dbfs, self.on_s, self.off_s)
        return np.tile(burst, self.repeats)

    def groups(self) -> tuple[Group, ...]:
        """Return the RDS groups in order, all repeats; empty for a DTMF code."""
        return tuple(parse_group(text) for text in self.rds) * self.repeats


@dataclass(frozen=True)
class ControlCodes:
    """The codes of one station. Nothing is handed out but by `released_to`."""

    station: CodedStation
    _codes: dict[str, ControlCode]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the codes, in the order of the file."""
        return tuple(self._codes)

    def released_to(self, station: CodedStation, name: str) -> ControlCode:
        """Return code `name` for the transmission of `station`, if it is theirs.

        Raises
        ------
        Refusal
            "codes.other_station" where id, frequency or PI differ; "codes.unknown".
        """
        require_same_station(self.station, station)
        if name not in self._codes:
            raise Refusal(
                "codes.unknown",
                expected=f"one of {', '.join(self.names)}",
                got=name[:64],
                advice="a name from the station's codes",
            )
        return self._codes[name]


def require_same_station(owner: CodedStation, station: CodedStation) -> None:
    """Refuse ("codes.other_station") unless `station`, which is on the air, is the `owner`."""
    ours = (owner.id, round(owner.frequency_hz), int(owner.pi, 16))
    theirs = (station.id, round(station.frequency_hz), int(station.pi, 16))
    if ours != theirs:
        raise Refusal(
            "codes.other_station",
            expected=f"a transmission of {owner}, to whom these codes belong",
            got=str(station),
            advice="the codes of that station, from those who run it",
        )


def release_code(codes: ControlCodes | None, station: CodedStation, name: str) -> ControlCode:
    """Return the code `name` of `station`; refuse where that station has no codes configured.

    Raises
    ------
    Refusal
        "codes.none", and as `ControlCodes.released_to`.
    """
    if codes is None:
        raise Refusal(
            "codes.none",
            expected=f"control codes configured for {station}",
            got="none",
            advice="the station's own codes file; there are no codes without one",
        )
    return codes.released_to(station, name)


def load_control_codes(path: Path) -> ControlCodes:
    """Return the codes in a station's file.

    Raises
    ------
    Refusal
        "codes.missing", "codes.toml", "codes.key", "codes.value".
    """
    content = _READER.load(path, "a file of control codes that can be read")
    return parse_control_codes(content)


def parse_control_codes(content: bytes) -> ControlCodes:
    """Return the codes in the bytes of a station's file; refusals as `load_control_codes`."""
    table = _READER.parse(content)
    _READER.check_keys("the file", table, ("station", "code"), ("station", "code"))
    station = _READER.read("station", table["station"], CodedStation)
    entries = _READER.list_of("code", table["code"])
    if not 0 < len(entries) <= MOST_CODES:
        raise _READER.bad_value("code", f"1 to {MOST_CODES} tables", str(len(entries)))
    codes: dict[str, ControlCode] = {}
    for number, entry in enumerate(entries, 1):
        code = _READER.read(f"code {number}", entry, ControlCode)
        if code.name in codes:
            raise _READER.bad_value(f"code {number}.name", "a name used once", code.name)
        require_own_pi(_READER, f"code {number}.rds", code.groups(), int(station.pi, 16))
        codes[code.name] = code
    return ControlCodes(station, codes)


def require_own_pi(reader: TableReader, where: str, groups: tuple[Group, ...], pi: int) -> None:
    """Refuse groups that speak in another station's name."""
    for group in groups:
        if group.a != pi or (group.is_version_b and group.c != pi):
            raise reader.bad_value(where, f"groups of the station's own PI {pi:04X}", group.hex())
