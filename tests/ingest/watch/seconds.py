"""Records of a station as `loa receive` tells them, made by hand; and a recogniser's answers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.receiver.stations import Slot, Station
from ingest.watch.schedule import Schedule
from ingest.watch.station_watch import StationWatch

START = datetime(2026, 5, 16, 22, 0, tzinfo=UTC)
STATION = Station(id="duc-my", frequency_hz=60.4e6, pi="7001")
ALL_DAY = Schedule((Slot("00:00", "23:59", reference="morning"),))
GROUP = "700124088D30E0E0"


@dataclass(frozen=True)
class Said:
    second: int
    verdict: str
    reference: str | None = None
    offset_s: float | None = None


def record(second, **changes):
    """A good second of the own station, with `changes`."""
    made = {
        "time": (START + timedelta(seconds=second)).isoformat(),
        "second": second,
        "station": STATION.id,
        "cn_db": 35.0,
        "level_dbfs": -20.0,
        "offset_hz": 90.0 + (second * 7919 % 11) - 5.0,
        "peak_deviation_hz": 60e3,
        "loudness_momentary_lufs": -20.0,
        "pilot_hz": 6_750.0,
        "rds_hz": 2_000.0,
        "groups": [GROUP] * 11,
        "findings": [],
        "missing_samples": 0,
        "u": {"offset_hz": 2.0},
    }
    return made | changes


def stranger(second, **changes):
    """A second of a stranger: another carrier, no RDS."""
    made = record(second, offset_hz=-700.0, rds_hz=None, groups=[], level_dbfs=-18.0)
    return made | changes


def off_air(second):
    made = dict.fromkeys(("offset_hz", "peak_deviation_hz", "pilot_hz", "rds_hz"))
    return record(second, cn_db=-10.0, groups=[], findings=["off_air", "hiss"], **made)


def watch(schedule=None, **settings):
    return StationWatch(STATION, schedule or Schedule(()), **settings)


def run(watcher, records, answers=()):
    by_second = {answer.second: answer for answer in answers}
    return [watcher.process(r, by_second.get(r["second"])) for r in records]


def findings(verdicts):
    return [(v.second, v.finding) for v in verdicts if v.raised]
