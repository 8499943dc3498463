"""STATIONS.toml: which stations are on the air here, and what is expected of each.

[[station]]
id = "duc-my"
commune = "Đức Mỹ"
frequency_hz = 96.4e6
profile = "75k50us"            # or 50k50us, 75k75us, the path of a profile TOML
pi = "7001"                    # what RDS must say; absent: nothing is expected
carrier = "fm"                 # or ip, wired
lat = 9.93
lon = 106.34
codes = ["dtmf:15#"]           # control codes that may be heard
[[station.slot]]
start = "05:00"
end = "05:30"
days = "mon-sat"               # or daily, sun, mon,wed,fri
reference = "morning.opus"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dsp.errors import Refusal
from dsp.fm.profiles import PROFILES, FmProfile
from dsp.typed_table import TableReader
from ingest.fm_profile import load_fm_profile

LOWEST_HZ = 50e6
HIGHEST_HZ = 110e6
MOST_STATIONS = 200
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60

_READER = TableReader("stations", most_bytes=1_000_000)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PI = re.compile(r"[0-9A-Fa-f]{4}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)")


@dataclass(frozen=True)
class Slot:
    """When a programme is due, in local time, and what should be heard then.

    `end` at or before `start` is on the next day.
    """

    start: str
    end: str
    days: str = "daily"
    reference: str = ""

    def __post_init__(self) -> None:
        """Check times and days."""
        for key in ("start", "end"):
            if not _TIME.fullmatch(getattr(self, key)):
                raise ValueError(f'{key}: expected "HH:MM", got {getattr(self, key)!r}')
        if self.start in ("24:00", self.end):
            raise ValueError(f"start: expected a slot that lasts, got {self.start} to {self.end}")
        parse_days(self.days)

    @property
    def start_minute(self) -> int:
        """Minute of the day at which the slot begins."""
        return minute_of_day(self.start)

    @property
    def end_minute(self) -> int:
        """Minute after the start's midnight at which the slot ends; beyond 1440 past midnight."""
        end = minute_of_day(self.end)
        return end if end > self.start_minute else end + MINUTES_A_DAY

    @property
    def weekdays(self) -> frozenset[int]:
        """Days on which the slot begins; Monday is 0."""
        return parse_days(self.days)


@dataclass(frozen=True)
class Station:
    """One station as a listener to its carrier knows it.

    `frequency_hz` is 0 only where the carrier is no radio. `profile` is a name or path;
    `StationList.profile_of` gives what stands there.
    """

    id: str
    frequency_hz: float = 0.0
    commune: str = ""
    profile: str = "75k50us"
    pi: str | None = None
    carrier: Literal["fm", "ip", "wired"] = "fm"
    lat: float | None = None
    lon: float | None = None
    codes: tuple[str, ...] = ()
    slot: tuple[Slot, ...] = ()

    def __post_init__(self) -> None:
        """Check what can be checked without looking elsewhere."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id: expected letters, digits, . _ -, got {self.id!r}")
        silent = self.carrier != "fm" and self.frequency_hz == 0.0
        if not silent and not LOWEST_HZ <= self.frequency_hz <= HIGHEST_HZ:
            raise ValueError(
                f"frequency_hz: expected within 50e6 … 110e6, got {self.frequency_hz:g}"
            )
        if self.pi is not None and not _PI.fullmatch(self.pi):
            raise ValueError(f"pi: expected four hexadecimal digits, got {self.pi!r}")
        for key, most in (("lat", 90.0), ("lon", 180.0)):
            value = getattr(self, key)
            if value is not None and abs(value) > most:
                raise ValueError(f"{key}: expected within ±{most:.0f}, got {value}")
        for code in self.codes:
            if not 0 < len(code) <= 100 or not code.isprintable():
                raise ValueError(f"codes: expected short printable texts, got {code[:40]!r}")

    @classmethod
    def at(cls, frequency_hz: float) -> Station:
        """Return a station nobody has named, called by its frequency: "96.40MHz"."""
        return cls(id=frequency_id(frequency_hz), frequency_hz=frequency_hz)


def frequency_id(frequency_hz: float) -> str:
    """Return the name of a frequency: "96.40MHz", with more digits off the 10 kHz raster."""
    on_raster = abs(frequency_hz / 1e4 - round(frequency_hz / 1e4)) < 1e-6
    return f"{frequency_hz / 1e6:.{2 if on_raster else 4}f}MHz"


def minute_of_day(text: str) -> int:
    """Return the minute of "HH:MM"."""
    return int(text[:2]) * 60 + int(text[3:])


def parse_days(text: str) -> frozenset[int]:
    """Return the weekdays of "daily", "mon-sat", "sat-mon" or "mon,wed,fri"; Monday is 0."""
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f'days: expected "daily", "mon-sat" or "mon,wed", got {text[:40]!r}')
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(found)


def load_stations(path: Path) -> StationList:
    """Return the stations of a STATIONS.toml.

    Raises
    ------
    Refusal
        "stations.missing", "stations.toml", "stations.key", "stations.value", "profile.…".
    """
    content = _READER.load(path, "a STATIONS.toml that can be read")
    return parse_stations(content, path.parent)


def parse_stations(content: bytes, folder: Path | None = None) -> StationList:
    """Return the stations in the bytes of a STATIONS.toml; profiles are looked for in `folder`."""
    table = _READER.parse(content)
    _READER.check_keys("the file", table, ("station",), ("station",))
    return read_stations(table["station"], folder)


def read_stations(tables: Any, folder: Path | None = None) -> StationList:
    """Return the stations of a list of tables as TOML gives it."""
    entries = _READER.list_of("station", tables)
    if not 0 < len(entries) <= MOST_STATIONS:
        raise _READER.bad_value("station", f"1 to {MOST_STATIONS} tables", str(len(entries)))
    stations = tuple(_read_station(number, entry) for number, entry in enumerate(entries, 1))
    seen: dict[str, int] = {}
    for number, station in enumerate(stations, 1):
        if station.id in seen:
            raise _READER.bad_value(
                f"station {number}.id", f"an id not used by station {seen[station.id]}", station.id
            )
        seen[station.id] = number
    profiles = {station.profile: load_fm_profile(station.profile, folder) for station in stations}
    return StationList(stations, profiles)


@dataclass(frozen=True)
class StationList:
    """Stations and the profiles they name."""

    stations: tuple[Station, ...]
    profiles: dict[str, FmProfile]

    def profile_of(self, station: Station) -> FmProfile:
        """Return the profile that `station` names."""
        return self.profiles[station.profile]

    @classmethod
    def of_frequencies(cls, frequencies_hz: tuple[float, ...]) -> StationList:
        """Return stations called by their frequencies, ±75 kHz and 50 µs."""
        wrong = [f for f in frequencies_hz if not LOWEST_HZ <= f <= HIGHEST_HZ]
        if wrong:
            raise Refusal(
                "usage",
                expected="frequencies within 50 … 110 MHz",
                got=f"{wrong[0] / 1e6:g} MHz",
                advice="--frequency-mhz 96.4",
            )
        stations = tuple(Station.at(f) for f in dict.fromkeys(frequencies_hz))
        return cls(stations, dict(PROFILES))


def _read_station(number: int, entry: Any) -> Station:
    named = entry.get("id") if isinstance(entry, dict) else None
    where = f"station {named}" if isinstance(named, str) else f"station {number}"
    return _READER.read(where[:80], entry, Station)
