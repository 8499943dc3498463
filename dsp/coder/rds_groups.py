"""Builders of the basic groups: 0A/0B, 1A, 2A/2B, 4A, 10A (IEC 62106 clause 3.1.5).

Each takes a `Header`, what every group repeats in block 2, and plain values already checked by
`RdsContent`; each returns a `Group` or the groups of one whole message.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from dsp.coder.rds_blocks import Group
from dsp.coder.rds_text import padded
from dsp.errors import Refusal
from dsp.rds.characters import END_OF_TEXT
from dsp.rds.frequencies import AF_CODES, AF_FILLER, AF_MOST, AF_NONE
from dsp.rds.groups import SLOW_LABEL_ECC, SLOW_LABEL_LANGUAGE

#: Modified Julian Day of 1 January of the year 1.
_MJD_OF_ORDINAL_ZERO = -678_576
_LATEST_MJD = (1 << 17) - 1


class Header(NamedTuple):
    """What block 1 and the middle of block 2 say in every group."""

    pi: int
    pty: int = 0
    tp: bool = False

    def group(self, number: int, low: int, c: int, d: int) -> Group:
        """Return the version A group `number` with five bits `low` in block 2."""
        return Group(self.pi, self._second(number, low), c, d)

    def group_b(self, number: int, low: int, d: int) -> Group:
        """Return the version B group `number`: block 3 repeats the PI."""
        return Group(self.pi, self._second(number, low) | 1 << 11, self.pi, d)

    def _second(self, number: int, low: int) -> int:
        return number << 12 | int(self.tp) << 10 | self.pty << 5 | low


class Tuning(NamedTuple):
    """The switches of group 0: traffic announcement, music, decoder identification (d3…d0)."""

    ta: bool = False
    ms: bool = True
    di: int = 0

    def low(self, segment: int) -> int:
        """Return the five low bits of block 2 for one of four segments; the first carries d3."""
        di = self.di >> (3 - segment) & 1
        return int(self.ta) << 4 | int(self.ms) << 3 | di << 2 | segment


def two_characters(text: bytes, index: int) -> int:
    """Return the word of characters `index` and `index` + 1."""
    return text[index] << 8 | text[index + 1]


def af_words(af_hz: tuple[int, ...]) -> tuple[int, ...]:
    """Return the words of an AF list by method A: 224 + n first, a filler where one is left over.

    Raises
    ------
    Refusal
        ``rds.af`` for a frequency without a code, as all of 54 to 68 MHz are, and beyond 25.
    """
    codes = [AF_NONE + len(af_hz)]
    if len(af_hz) > AF_MOST:
        raise Refusal(
            "rds.af",
            expected=f"at most {AF_MOST} alternative frequencies",
            got=str(len(af_hz)),
            advice="the strongest neighbours only",
        )
    for hz in af_hz:
        if hz not in AF_CODES:
            raise Refusal(
                "rds.af",
                expected="alternative frequencies from 87600000 to 107900000 Hz in steps of 100000",
                got=f"{hz}",
                advice="leaving it out: RDS has no code for 54 to 68 MHz",
            )
        codes.append(AF_CODES[hz])
    if len(codes) % 2:
        codes.append(AF_FILLER)
    return tuple(codes[i] << 8 | codes[i + 1] for i in range(0, len(codes), 2))


def tuning_a(header: Header, tuning: Tuning, ps: bytes, segment: int, af_word: int) -> Group:
    """Group 0A: segment 0 to 3 of the eight characters `ps`, with one word of the AF list."""
    word = two_characters(ps, 2 * segment)
    return header.group(0, tuning.low(segment), af_word, word)


def tuning_b(header: Header, tuning: Tuning, ps: bytes, segment: int) -> Group:
    """Group 0B: the same without alternative frequencies."""
    return header.group_b(0, tuning.low(segment), two_characters(ps, 2 * segment))


def slow_labels(header: Header, variant: int, payload: int, pin: int = 0) -> Group:
    """Group 1A: a slow label of 12 bits; `pin` is the programme item number of block 4."""
    return header.group(1, 0, variant << 12 | payload, pin)


def country(header: Header, ecc: int, pin: int = 0) -> Group:
    """Group 1A, variant 0: the extended country code."""
    return slow_labels(header, SLOW_LABEL_ECC, ecc, pin)


def language(header: Header, code: int, pin: int = 0) -> Group:
    """Group 1A, variant 3: the language."""
    return slow_labels(header, SLOW_LABEL_LANGUAGE, code, pin)


def item_number(day: int, hour: int, minute: int) -> int:
    """Return the word of a programme item number: scheduled day of the month, hour, minute."""
    return day << 11 | hour << 6 | minute


def text_segments(text: bytes, size: int, most: int) -> tuple[bytes, ...]:
    """Cut `text` into segments of `size`; one shorter than `most` ends with a carriage return."""
    if len(text) < most:
        text += bytes([END_OF_TEXT])
    text = padded(text, -(-len(text) // size) * size)
    return tuple(text[i : i + size] for i in range(0, len(text), size))


def radiotext(header: Header, text: bytes, flag: int, *, version_b: bool) -> tuple[Group, ...]:
    """Groups 2A (up to 64 characters) or 2B (32) of a whole RadioText; `flag` is A/B, 0 or 1."""
    groups = []
    size = 2 if version_b else 4
    for address, part in enumerate(text_segments(text, size, 16 * size)):
        low = flag << 4 | address
        if version_b:
            groups.append(header.group_b(2, low, two_characters(part, 0)))
        else:
            groups.append(header.group(2, low, two_characters(part, 0), two_characters(part, 2)))
    return tuple(groups)


def modified_julian_day(when: datetime) -> int:
    """Return the day number of a UTC date."""
    return when.toordinal() + _MJD_OF_ORDINAL_ZERO


def clock_time(header: Header, when: datetime, offset_half_hours: int) -> Group:
    """Group 4A: the UTC minute `when` and the local offset, half hours from -31 to 31.

    Raises
    ------
    Refusal
        ``rds.ct`` for a day before 17 November 1858 or after 27 September 2217.
    """
    when = when.astimezone(UTC)
    day = modified_julian_day(when)
    if not 0 <= day <= _LATEST_MJD:
        raise Refusal(
            "rds.ct",
            expected="a date that group 4A can say, 1858-11-17 to 2217-09-27",
            got=when.isoformat(),
            advice="setting the start time",
        )
    sign = int(offset_half_hours < 0)
    third = (day & 0x7FFF) << 1 | when.hour >> 4
    fourth = (when.hour & 15) << 12 | when.minute << 6 | sign << 5 | abs(offset_half_hours)
    return header.group(4, day >> 15, third, fourth)


def programme_type_name(header: Header, name: bytes, flag: int) -> tuple[Group, ...]:
    """Groups 10A: the eight characters `name` in two parts; `flag` turns when the name changes."""
    return tuple(
        header.group(
            10,
            flag << 4 | part,
            two_characters(name, 4 * part),
            two_characters(name, 4 * part + 2),
        )
        for part in (0, 1)
    )
