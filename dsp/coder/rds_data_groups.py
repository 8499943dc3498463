"""Builders of data and application groups: 3A, 5A, 6A, 9A, 14A, RadioText Plus, enhanced text.

IEC 62106 clauses 3.1.5.5 onwards; RT+ is RDS Forum R06/040, eRT is IEC 62106 annex Q.
"""

from __future__ import annotations

from typing import NamedTuple

from dsp.coder.rds_blocks import Group
from dsp.coder.rds_groups import Header, text_segments, two_characters
from dsp.rds.frequencies import AF_CODES

#: Group types that applications of this coder use when they are not told otherwise.
RT_PLUS_GROUP = 11
ERT_GROUP = 12
#: Longest enhanced RadioText: 32 segments of four bytes.
ERT_BYTES = 128
#: eRT, message of group 3A: UTF-8, left to right.
_ERT_UTF8 = 0x0001


class RtPlusTag(NamedTuple):
    """A piece of the RadioText with its meaning: content type, first character, characters."""

    content_type: int
    start: int
    length: int


class OtherNetwork(NamedTuple):
    """Another station as group 14A tells of it; `mapped_hz` are pairs (ours, theirs)."""

    pi: int
    ps: str = ""
    pty: int | None = None
    tp: bool = False
    ta: bool = False
    mapped_hz: tuple[tuple[int, int], ...] = ()


def announcement(header: Header, number: int, aid: int, message: int = 0) -> Group:
    """Group 3A: application `aid` uses version A of group `number` (0: no group of its own)."""
    return header.group(3, number << 1, message, aid)


def transparent_data(header: Header, channel: int, data: bytes) -> tuple[Group, ...]:
    """Groups 5A: `data` on a transparent channel 0 to 31, four bytes a group, zeros at the end."""
    data = data.ljust(-(-len(data) // 4) * 4, b"\0")
    return tuple(
        header.group(5, channel, two_characters(data, i), two_characters(data, i + 2))
        for i in range(0, len(data), 4)
    )


def free_format(header: Header, number: int, low: int, c: int, d: int) -> Group:
    """Groups 6A (in-house), 9A (emergency warning) and applications: 5 + 16 + 16 bits as given."""
    return header.group(number, low, c, d)


def rt_plus(
    header: Header, tags: tuple[RtPlusTag, ...], toggle: int, *, running: bool = True
) -> Group:
    """One RT+ group: one or two tags. The second tag's text has at most 32 characters."""
    first, second = (*tags, RtPlusTag(0, 0, 1))[:2]
    low = toggle << 4 | int(running) << 3 | first.content_type >> 3
    third = (first.content_type & 7) << 13 | first.start << 7 | (first.length - 1) << 1
    third |= second.content_type >> 5
    fourth = (second.content_type & 31) << 11 | second.start << 5 | (second.length - 1)
    return header.group(RT_PLUS_GROUP, low, third, fourth)


def enhanced_radiotext(header: Header, text: str) -> tuple[Group, ...]:
    """Groups of a whole enhanced RadioText, UTF-8, up to 128 bytes."""
    segments = text_segments(text.encode(), 4, ERT_BYTES)
    return tuple(
        header.group(ERT_GROUP, address, two_characters(part, 0), two_characters(part, 2))
        for address, part in enumerate(segments)
    )


def ert_message() -> int:
    """Return the message of the announcement of eRT."""
    return _ERT_UTF8


def other_network(header: Header, other: OtherNetwork, ps: bytes) -> tuple[Group, ...]:
    """Groups 14A of one other network: its name, mapped frequencies, PTY and TA.

    `ps` are its eight characters, empty where the name is not told.
    """
    told = [(part, two_characters(ps, 2 * part)) for part in range(4) if ps]
    told += [
        (5 + index, AF_CODES[ours] << 8 | AF_CODES[theirs])
        for index, (ours, theirs) in enumerate(other.mapped_hz)
    ]
    if other.pty is not None:
        told.append((13, other.pty << 11 | int(other.ta)))
    return tuple(
        header.group(14, int(other.tp) << 4 | variant, word, other.pi) for variant, word in told
    )
