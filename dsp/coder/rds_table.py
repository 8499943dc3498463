"""RDS as a person writes it in a file: a table of TOML becomes `RdsContent`.

Both `loa multiplex --rds RDS.toml` and the stations of a scene read this table (docs/reference/
rds.md). Numbers that the standards print in hexadecimal are written so, as text: `pi = "7001"`.
Ranges stand beside the fields; what the encoder itself can tell is refused by `RdsContent`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dsp.coder.rds_content import Application, Channel, FreeGroup, RdsContent, Tag
from dsp.coder.rds_data_groups import OtherNetwork
from dsp.errors import Refusal
from dsp.rds.languages import LANGUAGES
from dsp.typed_table import TableReader, number, text

RDS_READER = TableReader("rds")

_LOWEST_HZ, _HIGHEST_HZ = 87_600_000, 107_900_000
_FREE = re.compile(r"([01]?[0-9A-Fa-f]) ?([0-9A-Fa-f]{4}) ?([0-9A-Fa-f]{4})")
_GROUP = re.compile(r"(\d|1[0-5])A")


@dataclass(frozen=True)
class PinTable:
    """When the programme that is on was to begin."""

    day: int = number(1, 31)
    hour: int = number(0, 23)
    minute: int = number(0, 59)


@dataclass(frozen=True)
class TagTable:
    """A piece of the RadioText and what it is."""

    type: str = text(32)
    text: str = text(64)


@dataclass(frozen=True)
class NetworkTable:
    """Another station of the house (EON)."""

    pi: str = text(4)
    ps: str = text(16, default="")
    pty: int | None = number(0, 31, default=None)
    tp: bool = False
    ta: bool = False
    mapped_hz: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class ChannelTable:
    """Bytes of a transparent data channel, in hexadecimal."""

    channel: int = number(0, 31)
    data: str = text(1_024)


@dataclass(frozen=True)
class ApplicationTable:
    """An open data application: its group as "8A" (or none), and 37 bits a group."""

    aid: str = text(4)
    group: str = text(3, default="0A")
    message: str = text(4, default="0000")
    groups: tuple[str, ...] = text(12, default=())


@dataclass(frozen=True)
class RdsTable:
    """Everything a station may say, as written; every key may be left out."""

    pi: str | None = text(4, default=None)
    ps: str | None = text(64, default=None)
    rt: str | None = text(256, default=None)
    title: str | None = text(256, default=None)
    pty: int | None = number(0, 31, default=None)
    tp: bool = False
    ta: bool = False
    ms: bool = True
    di: int | None = number(0, 15, default=None)
    af_hz: tuple[int, ...] = number(_LOWEST_HZ, _HIGHEST_HZ, default=())
    ecc: str | None = text(2, default=None)
    language: str | None = text(40, default=None)
    pin: PinTable | None = None
    ct: bool = False
    ct_offset_h: float = number(-15.5, 15.5, default=7.0)
    ptyn: str | None = text(64, default=None)
    ert: str | None = text(128, default=None)
    rt_plus: tuple[TagTable, ...] = ()
    eon: tuple[NetworkTable, ...] = ()
    tdc: tuple[ChannelTable, ...] = ()
    inhouse: tuple[str, ...] = text(12, default=())
    ews: tuple[str, ...] = text(12, default=())
    oda: tuple[ApplicationTable, ...] = ()
    raw: tuple[str, ...] = text(24, default=())
    letters: Literal["table", "ascii"] = "table"
    version_b: bool = False

    @property
    def carries_codes(self) -> bool:
        """Whether there are groups in which an encoder could open loudspeakers (5A, 6A, 9A, …)."""
        return bool(self.tdc or self.inhouse or self.ews or self.oda or self.raw)

    @property
    def radiotext(self) -> str | None:
        """RadioText: as written, or the title alone."""
        return self.rt if self.rt is not None else self.title


def content_of(table: RdsTable, *, stereo: bool, where: str = "RDS") -> RdsContent:
    """Return what `table` says; `where` names it in a refusal.

    `di` is 1 in stereo and 0 in mono unless told. A title is marked by RT+ ahead of other tags.

    Raises
    ------
    Refusal
        ``rds.*``, naming key, value and what is allowed.
    """
    half_hours = 2.0 * table.ct_offset_h
    if half_hours != round(half_hours):
        raise _bad(where, "ct_offset_h", "whole or half hours", table.ct_offset_h)
    named = (Tag("programme.now", table.title),) if table.title else ()
    pin = table.pin
    return RdsContent(
        pi=_hex(where, "pi", table.pi or "", 4),
        ps=table.ps or "",
        rt=table.radiotext or None,
        pty=table.pty or 0,
        tp=table.tp,
        ta=table.ta,
        ms=table.ms,
        di=int(stereo) if table.di is None else table.di,
        af_hz=table.af_hz,
        ecc=None if table.ecc is None else _hex(where, "ecc", table.ecc, 2),
        language=None if table.language is None else _language(where, table.language),
        pin=None if pin is None else (pin.day, pin.hour, pin.minute),
        ct=table.ct,
        ct_offset_half_hours=round(half_hours),
        ptyn=table.ptyn,
        ert=table.ert,
        rt_plus=named + tuple(Tag(tag.type, tag.text) for tag in table.rt_plus),
        eon=tuple(_network(f"{where}.eon[{i}]", other) for i, other in enumerate(table.eon)),
        tdc=tuple(_channel(f"{where}.tdc[{i}]", entry) for i, entry in enumerate(table.tdc)),
        inhouse=_free_groups(where, "inhouse", table.inhouse),
        ews=_free_groups(where, "ews", table.ews),
        oda=tuple(_application(f"{where}.oda[{i}]", entry) for i, entry in enumerate(table.oda)),
        raw=table.raw,
        letters=table.letters,
        version_b=table.version_b,
    )


def _bad(where: str, key: str, expected: str, got: object) -> Refusal:
    return RDS_READER.bad_value(f"{where}.{key}", expected, repr(got))


def _hex(where: str, key: str, written: str, digits: int) -> int:
    if not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", written):
        raise _bad(where, key, f"{digits} hexadecimal digits", written)
    return int(written, 16)


def _language(where: str, written: str) -> int:
    """Return the code of a language, given by its English name or as two digits."""
    for code, name in LANGUAGES.items():
        if name.casefold() == written.casefold():
            return code
    if re.fullmatch(r"[0-9A-Fa-f]{2}", written):
        return int(written, 16)
    expected = "a language in English, as Vietnamese or Khmer, or its two hexadecimal digits"
    raise _bad(where, "language", expected, written)


def _free_groups(where: str, key: str, written: tuple[str, ...]) -> tuple[FreeGroup, ...]:
    groups = []
    for index, line in enumerate(written):
        match = _FREE.fullmatch(line)
        if match is None:
            expected = "37 bits as 00 … 1F and two blocks of four digits, such as 1F 0001 00FF"
            raise _bad(where, f"{key}[{index}]", expected, line)
        groups.append(FreeGroup(*(int(part, 16) for part in match.groups())))
    return tuple(groups)


def _network(where: str, other: NetworkTable) -> OtherNetwork:
    pairs = []
    for ours_theirs in other.mapped_hz:
        held = all(_LOWEST_HZ <= hz <= _HIGHEST_HZ for hz in ours_theirs)
        if len(ours_theirs) != 2 or not held:
            expected = f"pairs [ours, theirs] within {_LOWEST_HZ} … {_HIGHEST_HZ}"
            raise _bad(where, "mapped_hz", expected, list(ours_theirs))
        pairs.append((ours_theirs[0], ours_theirs[1]))
    pi = _hex(where, "pi", other.pi, 4)
    return OtherNetwork(pi, other.ps, other.pty, other.tp, other.ta, tuple(pairs))


def _channel(where: str, entry: ChannelTable) -> Channel:
    digits = entry.data.replace(" ", "")
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", digits):
        raise _bad(where, "data", "bytes of two hexadecimal digits each", entry.data)
    return Channel(entry.channel, bytes.fromhex(digits))


def _application(where: str, entry: ApplicationTable) -> Application:
    match = _GROUP.fullmatch(entry.group)
    if match is None:
        raise _bad(where, "group", "a group of version A, such as 8A, or 0A for none", entry.group)
    aid, message = _hex(where, "aid", entry.aid, 4), _hex(where, "message", entry.message, 4)
    return Application(aid, int(match[1]), message, _free_groups(where, "groups", entry.groups))
