"""Schedules, bulletins and sounds for tests of the playout."""

from datetime import UTC, datetime

import numpy as np

from tests.transmit.bulletin.made import bulletin
from transmit.playout.local_time import ms_of
from transmit.playout.programme import Heard, Inputs
from transmit.playout.schedule import read_schedule
from transmit.playout.timeline import Part

HEAD = """
commune = "tri-ton"
time_zone = "Asia/Ho_Chi_Minh"
[[zone]]
id = "tri-ton.1"
rtp = ["127.0.0.1:5004"]
[[zone]]
id = "tri-ton.2"
rtp = ["127.0.0.1:5006"]
"""
SECOND_MS = 1_000
MINUTE_MS = 60_000
LENGTHS = {"a.wav": 120_000, "b.wav": 60_000, "c.wav": 30_000}


def schedule(text="", head=HEAD, before=""):
    return read_schedule((before + head + text).encode())


def item(name, audio="a.wav", **said):
    said = {"id": name, "when": "daily", "at": "05:00", "audio": audio} | said
    if "live" in said or "bulletin" in said:
        del said["audio"]
    lines = []
    for key, value in said.items():
        shown = str(list(value)).replace("'", '"') if isinstance(value, tuple) else f'"{value}"'
        lines.append(f"{key} = {value if isinstance(value, (int, float)) else shown}")
    return "[[item]]\n" + "\n".join(lines) + "\n"


def at_ms(text):
    """Milliseconds of a moment in UTC such as 2026-11-24T05:00:00."""
    return ms_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def heard(name="flood", accepted="2026-11-24T05:30:00", seconds=60, **said):
    told = bulletin(**({"id": name, "zones": ("tri-ton.1",), "communes": ()} | said))
    parts = (Part(name, seconds * 1_000),) if told.audio else ()
    return Heard(told, at_ms(accepted), parts)


def inputs(text="", bulletins=(), before="", begun=None):
    return Inputs(schedule(text, before=before), LENGTHS, tuple(bulletins), begun or {})


def shown(timeline, from_ms, to_ms):
    """Segments between two moments as (second, name, offset in seconds)."""
    return [
        ((one.begin_ms - from_ms) / 1000, one.job.name if one.job else None, one.offset_ms / 1000)
        for one in timeline.segments
        if from_ms <= one.begin_ms < to_ms
    ]


class Shelf:
    """Recordings that are constant or given."""

    def __init__(self, **recordings):
        self.recordings = recordings
        self.broken = set()

    def read(self, key, offset, count):
        if key in self.broken:
            raise OSError(5, "input/output error")
        return self.recordings[key][offset : offset + count]


def tone(seconds, value=0.5):
    return np.full(round(seconds * 48_000), value, np.float32)
