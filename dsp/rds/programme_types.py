"""Programme types (PTY) of RDS, IEC 62106 annex F. Index is the 5-bit code."""

from __future__ import annotations

from typing import Final

PROGRAMME_TYPES: Final = (
    "none",
    "news",
    "current affairs",
    "information",
    "sport",
    "education",
    "drama",
    "culture",
    "science",
    "varied",
    "pop music",
    "rock music",
    "easy listening",
    "light classical",
    "serious classical",
    "other music",
    "weather",
    "finance",
    "children's programmes",
    "social affairs",
    "religion",
    "phone-in",
    "travel",
    "leisure",
    "jazz music",
    "country music",
    "national music",
    "oldies music",
    "folk music",
    "documentary",
    "alarm test",
    "alarm",
)
PTY_ALARM_TEST: Final = 30
PTY_ALARM: Final = 31
