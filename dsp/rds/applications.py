"""Open data applications of RDS by their identification (AID), and RadioText Plus content types.

AIDs: RDS Forum R13/041. RT+ content types: RDS Forum R06/040 (IEC 62106 annex P).
"""

from __future__ import annotations

from typing import Final

AID_RT_PLUS: Final = 0x4BD7
AID_ENHANCED_RADIOTEXT: Final = 0x6552
APPLICATIONS: Final[dict[int, str]] = {
    0x0093: "cross reference to DAB",
    0x4BD7: "RadioText Plus",
    0x6552: "enhanced RadioText",
    0x7373: "enhanced early warning system",
    0xCD46: "TMC Alert-C",
    0xCD47: "TMC Alert-C test",
    0xE911: "EAS open protocol",
}

RT_PLUS_CONTENT_TYPES: Final[dict[str, int]] = {
    "dummy": 0,
    "item.title": 1,
    "item.album": 2,
    "item.artist": 4,
    "info.news": 12,
    "info.news.local": 13,
    "info.health": 19,
    "info.event": 20,
    "info.date_time": 24,
    "info.weather": 25,
    "info.traffic": 26,
    "info.alarm": 27,
    "info.url": 29,
    "info.other": 30,
    "stationname.short": 31,
    "stationname.long": 32,
    "programme.now": 33,
    "programme.next": 34,
    "programme.part": 35,
    "programme.host": 36,
    "programme.homepage": 39,
    "phone.hotline": 41,
    "place": 59,
}
