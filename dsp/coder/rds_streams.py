"""The streams of groups that make up a station's RDS, each with its repetition rate.

IEC 62106 clause 3.1.3 asks for: PI, PTY, TP in every group; the whole name once a second (and with
it TA, MS, AF); a whole RadioText every five seconds. A second has 11.42 groups. The rest shares
what is left. A stream that is due goes before those after it in the order of `STREAMS_ORDER`; with
all of them a tenth of the groups is still free for the background streams, which take turns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from dsp.coder.rds_blocks import Group
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_data_groups import (
    ERT_GROUP,
    RT_PLUS_GROUP,
    announcement,
    enhanced_radiotext,
    ert_message,
    free_format,
    other_network,
    rt_plus,
    transparent_data,
)
from dsp.coder.rds_groups import (
    Header,
    Tuning,
    af_words,
    country,
    item_number,
    language,
    programme_type_name,
    radiotext,
    tuning_a,
    tuning_b,
)
from dsp.rds.applications import AID_ENHANCED_RADIOTEXT, AID_RT_PLUS

#: Periods are counted in 1 / TICKS of a group.
TICKS: Final = 64

# A name has four groups: 9.5 groups apart, at most 11 with rounding and a clock time in between,
# which is 0.963 s.
_NAME_PERIOD: Final = 152
# A RadioText of 16 groups: 54 groups apart, at most 57, which is 4.992 s. A shorter one likewise.
_TEXT_ROUND: Final = 54 * TICKS
_LABEL_PERIOD: Final = 24 * TICKS  # 2.1 s; ECC and language each every 4.2 s
_APPLICATION_ROUND: Final = 100 * TICKS  # every one of up to five applications within 9 s
_APPLICATION_PERIOD: Final = 20 * TICKS
_TAG_PERIOD: Final = 34 * TICKS  # 3 s
_TYPE_NAME_PERIOD: Final = 28 * TICKS  # whole name every 4.9 s
_OTHER_PERIOD: Final = 24 * TICKS


@dataclass
class Stream:
    """Groups sent round and round.

    `identity` tells whether a change of content starts the round anew; `period` is in ticks, None
    for the background.
    """

    name: str
    identity: Any
    period: int | None
    groups: tuple[Group, ...]
    release: int = 0
    index: int = 0

    def take(self) -> Group:
        """Return the next group of the round."""
        group = self.groups[self.index]
        self.index = (self.index + 1) % len(self.groups)
        return group

    def carry_on(self, before: Stream, now: int) -> None:
        """Take over the place in the round and the dates of the stream of that name before."""
        if before.identity == self.identity and len(before.groups) == len(self.groups):
            self.index = before.index
        self.release = now if self.identity != before.identity else before.release


@dataclass(frozen=True)
class Flags:
    """The bits that turn when a text changes."""

    rt: int = 0
    ptyn: int = 0
    tags: int = 0


def build_streams(content: RdsContent, flags: Flags) -> list[Stream]:
    """Return the streams of `content`, most urgent first, background (no period) last."""
    header = Header(content.pi, content.pty, content.tp)
    streams = [
        _name(content, header),
        _text(content, header, flags),
        *_labels(content, header),
        *_applications(content, header, flags),
        Stream(
            "10A",
            content.ptyn_bytes,
            _TYPE_NAME_PERIOD,
            programme_type_name(header, content.ptyn_bytes, flags.ptyn) if content.ptyn else (),
        ),
        Stream("14A", content.eon, _OTHER_PERIOD, _others(content, header)),
        *_background(content, header),
    ]
    return [stream for stream in streams if stream.groups]


def _name(content: RdsContent, header: Header) -> Stream:
    tuning, ps = Tuning(content.ta, content.ms, content.di), content.ps_bytes
    if content.version_b:
        groups = tuple(tuning_b(header, tuning, ps, segment) for segment in range(4))
    else:
        words = af_words(content.af_hz)
        groups = tuple(
            tuning_a(header, tuning, ps, i % 4, words[i % len(words)])
            for i in range(math.lcm(4, len(words)))
        )
    return Stream("0", ps, _NAME_PERIOD, groups)


def _text(content: RdsContent, header: Header, flags: Flags) -> Stream:
    groups: tuple[Group, ...] = ()
    if content.rt:
        groups = radiotext(header, content.rt_bytes, flags.rt, version_b=content.version_b)
    period = _TEXT_ROUND // max(len(groups), 1)
    return Stream("2", (content.rt_bytes, flags.rt), period, groups)


def _labels(content: RdsContent, header: Header) -> list[Stream]:
    pin = item_number(*content.pin) if content.pin else 0
    groups = []
    if content.ecc is not None:
        groups.append(country(header, content.ecc, pin))
    if content.language is not None:
        groups.append(language(header, content.language, pin))
    if pin and not groups:
        groups.append(header.group_b(1, 0, pin))
    return [Stream("1", len(groups), _LABEL_PERIOD, tuple(groups))]


def _applications(content: RdsContent, header: Header, flags: Flags) -> list[Stream]:
    told = [announcement(header, oda.number, oda.aid, oda.message) for oda in content.oda]
    tags: tuple[Group, ...] = ()
    if content.rt_plus_tags:
        told.append(announcement(header, RT_PLUS_GROUP, AID_RT_PLUS))
        tags = (rt_plus(header, content.rt_plus_tags, flags.tags),)
    if content.ert:
        told.append(announcement(header, ERT_GROUP, AID_ENHANCED_RADIOTEXT, ert_message()))
    period = max(_APPLICATION_ROUND // max(len(told), 1), _APPLICATION_PERIOD)
    return [
        Stream("3A", tuple(group[2:] for group in told), period, tuple(told)),
        Stream("RT+", content.rt_plus_tags, _TAG_PERIOD, tags),
    ]


def _others(content: RdsContent, header: Header) -> tuple[Group, ...]:
    return tuple(
        group
        for other in content.eon
        for group in other_network(header, other, content.other_ps(other))
    )


def _background(content: RdsContent, header: Header) -> list[Stream]:
    """The streams without a promised rate, urgent things first in each turn."""
    warnings = tuple(free_format(header, 9, *group) for group in content.ews)
    data = tuple(
        group
        for channel in content.tdc
        for group in transparent_data(header, channel.number, channel.data)
    )
    inhouse = tuple(free_format(header, 6, *group) for group in content.inhouse)
    oda = tuple(
        free_format(header, application.number, *group)
        for application in content.oda
        for group in application.groups
        if application.number
    )
    ert = enhanced_radiotext(header, content.ert) if content.ert else ()
    named = {"9A": warnings, "raw": content.raw_groups, "5A": data, "6A": inhouse}
    named |= {"ODA": oda, "eRT": ert}
    return [
        Stream(name, tuple(g[2:] for g in groups), None, groups) for name, groups in named.items()
    ]
