"""SCENE.toml: what is on the air, what is wrong with it, and with the dongle that hears it.

The keys are described in docs/reference/simulate.md. Everything is checked here, before a sample is
made: every key is known, every value in its range, every station with its channel inside the
capture, every file there, no two faults of a station in contradiction.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dsp.coder.rds_table import RdsTable
from dsp.modulate.propagation import MAX_DELAY_US
from dsp.typed_table import TableReader, number, text
from ingest.scene.faults import Fault, Kind

READER = TableReader("scene", most_bytes=2_000_000)

CHANNEL_HALF_HZ = 130_000.0
MOST_STATIONS = 64
MOST_EVENTS = 10_000
LONGEST_S = 7 * 86_400.0

LOW_BAND_HZ = (54e6, 68e6)
HIGH_BAND_HZ = (87e6, 108e6)
_FREQUENCY = (LOW_BAND_HZ[0], HIGH_BAND_HZ[1])
_PATH = 4096


@dataclass(frozen=True)
class Capture:
    """What is recorded: the middle, the rate, how long, and from when."""

    centre_hz: float = number(50e6, 112e6)
    rate_hz: int = number(192_000, 3_200_000)
    seconds: float = number(0.01, LONGEST_S)
    seed: int = number(0, 2**53, default=0)
    start_utc: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """A stretch of samples that something happens to."""

    at_s: float = number(0.0, LONGEST_S)
    samples: int = number(1, 1e9)


@dataclass(frozen=True)
class GainStep:
    """From here on the tuner's gain is that."""

    at_s: float = number(0.0, LONGEST_S)
    gain_db: float = number(-60.0, 60.0)


@dataclass(frozen=True)
class DongleTable:
    """What is wrong with the dongle and its USB."""

    noise_dbfs: float = number(-200.0, 20.0, default=-60.0)
    ppm: float = number(-100.0, 100.0, default=0.0)
    ppm_per_min: float = number(-100.0, 100.0, default=0.0)
    dc_dbfs: float | None = number(-120.0, 0.0, default=None)
    iq_gain_db: float = number(-6.0, 6.0, default=0.0)
    iq_phase_deg: float = number(-30.0, 30.0, default=0.0)
    gain_steps: tuple[GainStep, ...] = ()
    drops: tuple[Span, ...] = ()
    repeats: tuple[Span, ...] = ()
    stalls: tuple[Span, ...] = ()


@dataclass(frozen=True)
class RayTable:
    """A reflection beside the direct wave."""

    delay_us: float = number(0.0, MAX_DELAY_US)
    gain_db: float = number(-80.0, 20.0)
    phase_deg: float = number(-360.0, 360.0, default=0.0)


@dataclass(frozen=True)
class OnAir:
    """A stretch of the station's own schedule."""

    start_s: float = number(0.0, LONGEST_S)
    end_s: float = number(0.0, LONGEST_S)


@dataclass(frozen=True)
class Burst:
    """DTMF digits over the programme, as they open and close clusters."""

    at_s: float = number(0.0, LONGEST_S)
    digits: str = text(40)
    level_dbfs: float = number(-60.0, -6.1, default=-12.0)
    on_s: float = number(0.04, 2.0, default=0.07)
    off_s: float = number(0.04, 2.0, default=0.07)


@dataclass(frozen=True)
class FaultTable:
    """A fault as written."""

    kind: Kind
    start_s: float = number(0.0, LONGEST_S, default=0.0)
    end_s: float | None = number(0.0, LONGEST_S, default=None)
    value: float | None = number(-1e9, 1e9, default=None)
    audio: str | None = text(_PATH, default=None)


@dataclass(frozen=True)
class StationTable:
    """A transmitter as written."""

    id: str = text(64)
    frequency_hz: float = number(*_FREQUENCY)
    level_dbfs: float = number(-120.0, 10.0)
    profile: str = text(_PATH)
    commune: str = text(200, default="")
    deviation_hz: float | None = number(1e3, CHANNEL_HALF_HZ, default=None)
    audio: tuple[str, ...] = text(_PATH, default=())
    tone_hz: float | None = number(10.0, 15_000.0, default=None)
    tone_level_db: float = number(-120.0, 0.0, default=-6.0)
    audio_gain_db: float = number(-60.0, 40.0, default=0.0)
    stereo: bool = False
    pilot_hz: float | None = number(0.0, 30_000.0, default=None)
    rds_hz: float = number(0.0, 30_000.0, default=0.0)
    rds_phase_deg: float = number(-360.0, 360.0, default=0.0)
    mpx_limit_dbr: float | None = number(-12.0, 20.0, default=None)
    offset_hz: float = number(-100e3, 100e3, default=0.0)
    drift_hz_per_min: float = number(-100e3, 100e3, default=0.0)
    pi: str = text(4, default="7001")
    ps: str = text(8, default="")
    rt: str = text(64, default="")
    pty: int = number(0, 31, default=0)
    rds_groups: tuple[str, ...] = text(16, default=())
    ct: bool = False
    rds: RdsTable | None = None
    dtmf: tuple[Burst, ...] = ()
    multipath: tuple[RayTable, ...] = ()
    fading_hz: float = number(0.0, 50.0, default=0.0)
    fading_k_db: float = number(-20.0, 40.0, default=10.0)
    on_air: tuple[OnAir, ...] = ()
    fault: tuple[FaultTable, ...] = ()


@dataclass(frozen=True)
class Station:
    """A transmitter with every default filled in and every path found.

    `table` is what was written; `rated_hz` and `pre_emphasis_us` come from its profile.
    """

    table: StationTable
    rated_hz: float
    pre_emphasis_us: float
    deviation_hz: float
    pilot_hz: float
    audio: tuple[Path, ...]
    faults: tuple[Fault, ...]
    on_air: tuple[tuple[float, float], ...]

    @property
    def id(self) -> str:
        """Name of the station in the truth."""
        return self.table.id


@dataclass(frozen=True)
class Scene:
    """A checked scene; `digest` is the SHA-256 of the file it came from."""

    capture: Capture
    dongle: DongleTable
    stations: tuple[Station, ...]
    digest: str
    folder: Path = field(default_factory=Path)

    @property
    def samples(self) -> int:
        """Complex samples in the capture, before the dongle loses any."""
        return round(self.capture.seconds * self.capture.rate_hz)


@dataclass(frozen=True)
class SceneTable:
    """The file as written."""

    capture: Capture
    dongle: DongleTable = DongleTable()
    station: tuple[StationTable, ...] = ()


def load_scene(path: Path) -> Scene:
    """Return the scene in a TOML file.

    Raises
    ------
    Refusal
        "scene.missing" (no such file), "scene.toml", "scene.key" and "scene.value", naming key,
        value and allowed range; those of ingest.decode.decoder for audio files.
    """
    content = READER.load(
        path, "the path of a scene (TOML)", "checking the path; examples/scenes holds three"
    )
    return parse_scene(content, path.parent)


def parse_scene(content: bytes, folder: Path) -> Scene:
    """Return the scene in the bytes of a TOML file whose paths start from `folder`."""
    from ingest.scene.checks import checked_scene

    table = READER.read("the scene", _listed(READER.parse(content)), SceneTable)
    return checked_scene(table, hashlib.sha256(content).hexdigest(), folder)


def _listed(tables: dict[str, Any]) -> dict[str, Any]:
    """Return the tables with a single audio file written as a list of one."""
    stations = tables.get("station")
    for station in stations if isinstance(stations, list) else []:
        if isinstance(station, dict) and isinstance(station.get("audio"), str):
            station["audio"] = [station["audio"]]
    return tables
