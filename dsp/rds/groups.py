"""Group types of RDS and what they carry (IEC 62106 table 3, EN 50067 clause 3.1.3)."""

from __future__ import annotations

from typing import Final

#: Type with version to its use. A type missing here is for open data applications.
GROUPS: Final[dict[str, str]] = {
    "0A": "tuning, programme service name, alternative frequencies",
    "0B": "tuning, programme service name",
    "1A": "programme item number, slow labelling codes",
    "1B": "programme item number",
    "2A": "radiotext, 64 characters",
    "2B": "radiotext, 32 characters",
    "3A": "announcement of open data applications",
    "4A": "clock time and date",
    "5A": "transparent data channels",
    "5B": "transparent data channels",
    "6A": "in-house",
    "6B": "in-house",
    "7A": "radio paging",
    "8A": "traffic message channel",
    "9A": "emergency warning system",
    "10A": "programme type name",
    "13A": "enhanced radio paging",
    "14A": "other networks",
    "14B": "other networks",
    "15B": "fast tuning",
}

#: Bits of decoder identification by segment of group 0, the first segment carries d3.
DI_BY_SEGMENT: Final = ("dynamic_pty", "compressed", "artificial_head", "stereo")

#: Variants of group 1A, block 3.
SLOW_LABEL_ECC: Final = 0
SLOW_LABEL_LANGUAGE: Final = 3
#: Application group type code of group 3A for an application without groups of its own.
NO_GROUP: Final = 0x00
