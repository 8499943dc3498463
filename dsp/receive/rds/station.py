"""What a station says of itself in RDS: groups in, state out, nothing shown that is not sure.

Sans-I/O: a group is four values of 16 bits or None, and any of the 2^64 groups is taken. Values
need two receptions (`votes.py`), texts all their segments; what is no longer received grows old
and is dropped. A group with another PI than the confirmed one is not looked into: either its block
A was wrongly corrected, or another station has taken over the frequency; that is shown when its PI
has been confirmed, and everything known of the old one is then forgotten.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.rds.countries import COUNTRIES
from dsp.rds.groups import DI_BY_SEGMENT, SLOW_LABEL_ECC, SLOW_LABEL_LANGUAGE
from dsp.receive.rds.alternatives import AlternativeFrequencies
from dsp.receive.rds.applications import Applications, group_name
from dsp.receive.rds.clock import StationClock, decode_clock
from dsp.receive.rds.group import RdsGroup
from dsp.receive.rds.networks import OtherNetworks
from dsp.receive.rds.radiotext import RadioText
from dsp.receive.rds.votes import BELIEVED, CLEAN, CORRECTED, SegmentedText, Vote

#: Seconds after which a value that is no longer received is dropped.
AGES_S: Final = {
    "pi": 10.0,
    "flags": 10.0,
    "ps": 20.0,
    "rt": 120.0,
    "slow": 300.0,
    "af": 300.0,
    "ct": 90.0,
    "eon": 300.0,
}
_AGES: Final = {name: round(age * RECEIVE_RATE_HZ) for name, age in AGES_S.items()}
_RAW_KEPT: Final = 16
_RATE_GROUPS: Final = 114  # groups of the trailing block error rate: 10 s
_RAW_NAMES: Final = {5: "tdc", 6: "in_house", 9: "ews"}
_SLOW_LABEL_EWS: Final = 7
#: No country has the digit 0 (IEC 62106 annex D): an encoder that has not been set up.
_NO_PI: Final = 0x0000


class _Facts:
    """Everything that is forgotten when another station takes over."""

    def __init__(self) -> None:
        self.pty: Vote[int] = Vote()
        self.tp: Vote[bool] = Vote()
        self.ta: Vote[bool] = Vote()
        self.ms: Vote[bool] = Vote()
        self.di: dict[str, Vote[bool]] = {name: Vote() for name in DI_BY_SEGMENT}
        self.ecc: Vote[int] = Vote()
        self.language: Vote[int] = Vote()
        self.pin: Vote[int] = Vote()
        self.ews_channel: Vote[int] = Vote()
        self.ps = SegmentedText(4, 2, BELIEVED)
        self.radiotext = RadioText()
        self.ptyn = SegmentedText(2, 4, BELIEVED)
        self.ptyn_flag: int | None = None
        self.af = AlternativeFrequencies()
        self.clock = StationClock()
        self.applications = Applications()
        self.networks = OtherNetworks()
        self.raw: dict[str, deque[str]] = {
            name: deque(maxlen=_RAW_KEPT) for name in _RAW_NAMES.values()
        }
        self.histogram: Counter[str] = Counter()


class RdsStation:
    """State of one station, from its groups.

    Attributes
    ----------
    groups, blocks_clean, blocks_corrected, blocks_lost
        Counts since the beginning; they go on when the station changes.
    """

    def __init__(self) -> None:
        self._pi: Vote[int] = Vote()
        self._facts = _Facts()
        self._now = 0
        self._recent: deque[tuple[int, int]] = deque(maxlen=_RATE_GROUPS)
        self.groups = self.blocks_clean = self.blocks_corrected = self.blocks_lost = 0

    def take(self, group: RdsGroup) -> None:
        """Take one group, whatever is in it."""
        self._now = max(self._now, group.sample)
        self._count(group)
        facts, (a, b, c, d) = self._facts, group.blocks
        if a == _NO_PI:
            return
        known = self._pi.value
        if a is not None and self._pi.hear(a, _weight(group, 0), group.sample) and known:
            facts = self._facts = _Facts()
        if b is None or (a is not None and self._pi.value not in (None, a)):
            return
        version_b = bool(b & 0x0800)
        if version_b and c is not None and group.version_b:
            self._pi.hear(c, _weight(group, 2), group.sample)
        code = b >> 11
        facts.histogram[group_name(code)] += 1
        weight = _weight(group, 1)
        facts.pty.hear(b >> 5 & 0x1F, weight, group.sample)
        facts.tp.hear(bool(b & 0x0400), weight, group.sample)
        _READERS.get(code, _read_other)(facts, group, b, c, d)

    def _count(self, group: RdsGroup) -> None:
        lost = group.lost_blocks
        corrected = sum(bits > 0 for bits in group.corrected)
        self.groups += 1
        self.blocks_lost += lost
        self.blocks_corrected += corrected
        self.blocks_clean += 4 - lost - corrected
        self._recent.append((group.sample, lost + corrected))

    @property
    def pi(self) -> int | None:
        """The confirmed PI, None where there is none or it is old."""
        return self._pi.fresh(self._now, _AGES["pi"])

    def advance(self, sample: int) -> None:
        """Let the time go on to `sample` where no group came."""
        self._now = max(self._now, sample)

    def block_error_rate(self) -> float | None:
        """Return the share of blocks with errors, corrected or not, of the last 10 s of groups."""
        since = self._now - 10 * RECEIVE_RATE_HZ
        wrong = [errors for sample, errors in self._recent if sample >= since]
        return sum(wrong) / (4 * len(wrong)) if wrong else None

    def state(self) -> dict[str, Any]:
        """Return what is known now; the keys are those of docs/reference/rds.md.

        Values that JSON can hold; None, {} or [] where nothing is sure.
        """
        facts, now = self._facts, self._now
        flags, slow = _AGES["flags"], _AGES["slow"]
        pi, ecc = self.pi, facts.ecc.fresh(now, slow)
        rt = _stripped(facts.radiotext.text.fresh(now, _AGES["rt"]))
        clock = facts.clock.fresh(now, _AGES["ct"])
        return {
            "pi": None if pi is None else f"{pi:04X}",
            "ps": facts.ps.fresh(now, _AGES["ps"]),
            "ps_receptions": list(facts.ps.receptions),
            "rt": rt,
            "rt_flag": facts.radiotext.flag if rt is not None else None,
            "pty": facts.pty.fresh(now, flags),
            "ptyn": _stripped(facts.ptyn.fresh(now, slow)),
            "tp": facts.tp.fresh(now, flags),
            "ta": facts.ta.fresh(now, flags),
            "music": facts.ms.fresh(now, flags),
            "di": {name: vote.fresh(now, flags) for name, vote in facts.di.items()},
            "ecc": None if ecc is None else f"{ecc:02X}",
            "country": None if pi is None or ecc is None else COUNTRIES.get((pi >> 12, ecc)),
            "language": facts.language.fresh(now, slow),
            "pin": facts.pin.fresh(now, slow),
            "ews_channel": facts.ews_channel.fresh(now, slow),
            "af_hz": facts.af.fresh(now, _AGES["af"]),
            "af_method": facts.af.method,
            "af_regional_hz": facts.af.regional(),
            "ct": None if clock is None else clock.iso(),
            "ct_sample": None if clock is None else clock.sample,
            "oda": {
                f"{aid:04X}": group_name(vote.value[0])
                for aid, vote in facts.applications.by_aid.items()
                if vote.value is not None and now - vote.heard <= slow
            },
            "rt_plus": facts.applications.items(rt or "", now, _AGES["rt"]),
            "ert": _stripped(facts.applications.enhanced_text(now, _AGES["rt"])),
            "eon": facts.networks.fresh(now, _AGES["eon"]),
            **{name: list(groups) for name, groups in facts.raw.items()},
            "group_counts": dict(facts.histogram),
            "blocks_clean": self.blocks_clean,
            "blocks_corrected": self.blocks_corrected,
            "blocks_lost": self.blocks_lost,
            "bler": self.block_error_rate(),
        }


def _stripped(text: str | None) -> str | None:
    return (text or "").rstrip() or None


def _weight(group: RdsGroup, *places: int) -> int:
    """Return how much a value from the blocks at `places` counts."""
    return CLEAN if all(group.corrected[place] == 0 for place in places) else CORRECTED


def _read_tuning(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Groups 0A and 0B: flags, a segment of the name, frequencies."""
    at, weight = group.sample, _weight(group, 1)
    facts.ta.hear(bool(b & 0x10), weight, at)
    facts.ms.hear(bool(b & 0x08), weight, at)
    facts.di[DI_BY_SEGMENT[b & 3]].hear(bool(b & 0x04), weight, at)
    if not b & 0x0800 and c is not None:
        facts.af.hear(c, _weight(group, 1, 2), at)
    if d is not None:
        facts.ps.hear(b & 3, d.to_bytes(2), _weight(group, 1, 3), at)


def _read_labels(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Groups 1A and 1B: programme item number, slow labels."""
    if d:
        facts.pin.hear(d, _weight(group, 1, 3), group.sample)
    if b & 0x0800 or c is None:
        return
    variant, value, weight = c >> 12 & 7, c & 0xFFF, _weight(group, 1, 2)
    if variant == SLOW_LABEL_ECC:
        facts.ecc.hear(value & 0xFF, weight, group.sample)
    elif variant == SLOW_LABEL_LANGUAGE:
        facts.language.hear(value & 0xFF, weight, group.sample)
    elif variant == _SLOW_LABEL_EWS:
        facts.ews_channel.hear(value, weight, group.sample)


def _read_radiotext(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Groups 2A (4 letters) and 2B (2 letters)."""
    if d is None or (c is None and not b & 0x0800):
        return
    if b & 0x0800:
        facts.radiotext.hear(b, d.to_bytes(2), _weight(group, 1, 3), group.sample)
    elif c is not None:
        data = c.to_bytes(2) + d.to_bytes(2)
        facts.radiotext.hear(b, data, _weight(group, 1, 2, 3), group.sample)


def _read_application(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Group 3A: which application uses which group."""
    if c is not None and d is not None:
        weight = _weight(group, 1, 2, 3)
        facts.applications.announce(b & 0x1F, c, d, weight, group.sample)


def _read_clock(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Group 4A: the time, from groups that came as sent and nothing else."""
    if c is None or d is None or any(bits != 0 for bits in group.corrected):
        return
    time = decode_clock(b, c, d, group.sample)
    if time is not None:
        facts.clock.hear(time)


def _read_type_name(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Group 10A: name of the programme type."""
    if c is None or d is None:
        return
    flag = b >> 4 & 1
    if flag != facts.ptyn_flag:
        facts.ptyn_flag = flag
        facts.ptyn.clear()
    data = c.to_bytes(2) + d.to_bytes(2)
    facts.ptyn.hear(b & 1, data, _weight(group, 1, 2, 3), group.sample)


def _read_network(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """Groups 14A and 14B: other networks."""
    version_b = bool(b & 0x0800)
    if d is None or (c is None and not version_b):
        return
    weight = _weight(group, 1, 3) if version_b else _weight(group, 1, 2, 3)
    facts.networks.hear((b, None if version_b else c, d), weight, group.sample)


def _read_fast_tuning(facts: _Facts, group: RdsGroup, b: int, _: int | None, d: int | None) -> None:
    """Group 15B: flags, twice in a group."""
    weight = _weight(group, 1)
    for word in (b, d):
        if word is None:
            continue
        facts.ta.hear(bool(word & 0x10), weight, group.sample)
        facts.ms.hear(bool(word & 0x08), weight, group.sample)
        facts.di[DI_BY_SEGMENT[word & 3]].hear(bool(word & 0x04), weight, group.sample)


def _read_other(facts: _Facts, group: RdsGroup, b: int, c: int | None, d: int | None) -> None:
    """All others: applications, and what is kept as it came."""
    code = b >> 11
    if c is not None and d is not None:
        facts.applications.hear(code, (b, c, d), _weight(group, 1, 2, 3), group.sample)
    name = _RAW_NAMES.get(code >> 1)
    if name is not None:
        facts.raw[name].append(group.hex())


#: By 5-bit group type code: number and version.
_READERS: Final = {
    0x00: _read_tuning,
    0x01: _read_tuning,
    0x02: _read_labels,
    0x03: _read_labels,
    0x04: _read_radiotext,
    0x05: _read_radiotext,
    0x06: _read_application,
    0x08: _read_clock,
    0x14: _read_type_name,
    0x1C: _read_network,
    0x1D: _read_network,
    0x1F: _read_fast_tuning,
}
