"""What one station says over RDS: a plain value, checked when it is made.

`RdsContent(pi=0x7001, ps="TRAVINH", rt="Bản tin sáng")` is enough. Everything a person can get
wrong is refused with the name of the key, so that the command line and scene files need no checks
of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dsp.coder.rds_blocks import Group, parse_group
from dsp.coder.rds_data_groups import ERT_BYTES, ERT_GROUP, RT_PLUS_GROUP, OtherNetwork, RtPlusTag
from dsp.coder.rds_groups import af_words
from dsp.coder.rds_text import Letters, encode_text, padded
from dsp.errors import Refusal
from dsp.rds.applications import RT_PLUS_CONTENT_TYPES
from dsp.rds.frequencies import AF_CODES

#: Vietnam is seven hours ahead of UTC.
OFFSET_VIETNAM_HALF_HOURS = 14
#: Version A groups that applications may use (table 6); 0 for none.
_ODA_GROUPS = (0, 5, 6, 7, 8, 9, 11, 12, 13)


class FreeGroup(NamedTuple):
    """37 free bits: five of block 2, then blocks 3 and 4."""

    low: int
    c: int = 0
    d: int = 0


class Application(NamedTuple):
    """An open data application: identification, number of its group, message, its groups."""

    aid: int
    number: int = 0
    message: int = 0
    groups: tuple[FreeGroup, ...] = ()


class Channel(NamedTuple):
    """Bytes for a transparent data channel, 0 to 31."""

    number: int
    data: bytes


class Tag(NamedTuple):
    """An RT+ tag by words: a name of `RT_PLUS_CONTENT_TYPES` and the piece of the RadioText."""

    content_type: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RdsContent:
    """Everything a station sends; only `pi` is required.

    Parameters
    ----------
    pi
        Programme identification, 0x0001 to 0xFFFF.
    ps, rt, ptyn, ert
        Name (8 characters), RadioText (64, or 32 with `version_b`), name of the programme type (8),
        enhanced RadioText in any script (128 bytes of UTF-8). None or "" sends none; a station
        without `ps` sends eight spaces.
    pty, tp, ta, ms, di
        Programme type 0 to 31, traffic programme, announcement, music (or speech), decoder
        identification 0 to 15 (1 stereo).
    af_hz
        Alternative frequencies, 87.6 to 107.9 MHz.
    ecc, language, pin
        Extended country code, language code (`dsp.rds.languages`), programme item (day, hour,
        minute).
    ct, ct_offset_half_hours
        Whether the time is sent on the minute, and the local offset.
    eon, ews, tdc, inhouse, oda, raw
        Other networks; groups 9A; channels of 5A; groups 6A; applications; any groups as 16
        hexadecimal digits.
    rt_plus
        Tags; each text must occur in `rt`.
    letters, version_b
        See `dsp.coder.rds_text`; groups 0B and 2B instead of 0A and 2A.

    Raises
    ------
    Refusal
        ``rds.*``, naming the key, what is allowed and what came.
    """

    pi: int
    ps: str = ""
    rt: str | None = None
    pty: int = 0
    tp: bool = False
    ta: bool = False
    ms: bool = True
    di: int = 0
    af_hz: tuple[int, ...] = ()
    ecc: int | None = None
    language: int | None = None
    pin: tuple[int, int, int] | None = None
    ct: bool = False
    ct_offset_half_hours: int = OFFSET_VIETNAM_HALF_HOURS
    ptyn: str | None = None
    eon: tuple[OtherNetwork, ...] = ()
    ews: tuple[FreeGroup, ...] = ()
    tdc: tuple[Channel, ...] = ()
    inhouse: tuple[FreeGroup, ...] = ()
    oda: tuple[Application, ...] = ()
    rt_plus: tuple[Tag, ...] = ()
    ert: str | None = None
    raw: tuple[str, ...] = ()
    letters: Letters = "table"
    version_b: bool = False
    ps_bytes: bytes = field(init=False, repr=False)
    rt_bytes: bytes = field(init=False, repr=False)
    ptyn_bytes: bytes = field(init=False, repr=False)
    raw_groups: tuple[Group, ...] = field(init=False, repr=False)
    rt_plus_tags: tuple[RtPlusTag, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check all values and keep the encoded forms."""
        _check_numbers(self)
        _check_data(self)
        af_words(self.af_hz)
        keep = object.__setattr__
        keep(self, "ps_bytes", padded(self._encoded("ps", self.ps, 8), 8))
        keep(self, "rt_bytes", self._encoded("rt", self.rt or "", 32 if self.version_b else 64))
        keep(self, "ptyn_bytes", padded(self._encoded("ptyn", self.ptyn or "", 8), 8))
        keep(self, "raw_groups", tuple(parse_group(text) for text in self.raw))
        keep(self, "rt_plus_tags", self._placed_tags())
        if self.ert is not None and not 0 < len(self.ert.encode()) <= ERT_BYTES:
            raise Refusal(
                "rds.text",
                expected=f"ert of 1 to {ERT_BYTES} bytes in UTF-8",
                got=str(len(self.ert.encode())),
                advice="a shorter text (Khmer takes three bytes a letter)",
            )

    def other_ps(self, other: OtherNetwork) -> bytes:
        """Return the eight characters of another network's name, empty without a name."""
        encoded = self._encoded("eon.ps", other.ps, 8)
        return padded(encoded, 8) if encoded else b""

    def _encoded(self, name: str, text: str, most: int) -> bytes:
        return encode_text(text, name=name, most=most, letters=self.letters)

    def _placed_tags(self) -> tuple[RtPlusTag, ...]:
        if len(self.rt_plus) > 2:
            raise _out_of_range("rt_plus", "at most two tags", len(self.rt_plus))
        placed = []
        for index, tag in enumerate(self.rt_plus):
            if tag.content_type not in RT_PLUS_CONTENT_TYPES:
                names = ", ".join(RT_PLUS_CONTENT_TYPES)
                raise _out_of_range("rt_plus.content_type", f"one of {names}", tag.content_type)
            piece = self._encoded("rt_plus.text", tag.text, 32 if index else 64)
            start = self.rt_bytes.find(piece)
            if start < 0 or not piece:
                raise _out_of_range("rt_plus.text", f"a piece of {self.rt!r}", tag.text)
            number = RT_PLUS_CONTENT_TYPES[tag.content_type]
            placed.append(RtPlusTag(number, start, len(piece)))
        return tuple(placed)


def bulletin_tags(rt: str, title: str) -> tuple[Tag, ...]:
    """Return the RT+ tags of a bulletin whose `title` stands in its RadioText; none if it does not.

    The title is the programme that is on now.
    """
    return (Tag("programme.now", title),) if title and title in rt else ()


def _out_of_range(name: str, expected: str, got: object) -> Refusal:
    return Refusal(
        "rds.value", expected=f"{name} {expected}", got=repr(got)[:80], advice=f"another {name}"
    )


def _require(name: str, value: object, low: int, high: int) -> None:
    """Refuse `value` unless it is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _out_of_range(name, f"from {low} to {high} (0x{high:X})", value)


def _check_numbers(content: RdsContent) -> None:
    if content.letters not in ("table", "ascii"):
        raise _out_of_range("letters", '"table" or "ascii"', content.letters)
    _require("pi", content.pi, 1, 0xFFFF)
    _require("pty", content.pty, 0, 31)
    _require("di", content.di, 0, 15)
    _require("ct_offset_half_hours", content.ct_offset_half_hours, -31, 31)
    if content.ecc is not None:
        _require("ecc", content.ecc, 0, 0xFF)
    if content.language is not None:
        _require("language", content.language, 0, 0xFF)
    if content.pin is not None:
        bounds = (("day", 1, 31), ("hour", 0, 23), ("minute", 0, 59))
        for (name, low, high), value in zip(bounds, content.pin, strict=True):
            _require(f"pin {name}", value, low, high)


def _check_data(content: RdsContent) -> None:
    for key in ("ews", "inhouse"):
        for group in getattr(content, key):
            _check_free(key, group)
    for channel in content.tdc:
        _require("tdc channel", channel.number, 0, 31)
    for application in content.oda:
        _require("oda aid", application.aid, 0, 0xFFFF)
        if application.number not in _ODA_GROUPS:
            raise _out_of_range("oda group", f"one of {_ODA_GROUPS}", application.number)
        _require("oda message", application.message, 0, 0xFFFF)
        for group in application.groups:
            _check_free("oda", group)
        taken = {RT_PLUS_GROUP: content.rt_plus, ERT_GROUP: content.ert}
        if taken.get(application.number):
            raise _out_of_range("oda group", "that rt_plus and ert do not use", application.number)
    for other in content.eon:
        _check_other(content, other)


def _check_other(content: RdsContent, other: OtherNetwork) -> None:
    _require("eon pi", other.pi, 1, 0xFFFF)
    if other.pty is not None:
        _require("eon pty", other.pty, 0, 31)
    content.other_ps(other)
    if len(other.mapped_hz) > 4:
        raise _out_of_range("eon mapped_hz", "of at most four pairs", len(other.mapped_hz))
    for pair in other.mapped_hz:
        for hz in pair:
            if hz not in AF_CODES:
                raise _out_of_range("eon mapped_hz", "from 87600000 to 107900000", hz)


def _check_free(key: str, group: FreeGroup) -> None:
    for name, value, high in zip(("low", "c", "d"), group, (31, 0xFFFF, 0xFFFF), strict=True):
        _require(f"{key} {name}", value, 0, high)
