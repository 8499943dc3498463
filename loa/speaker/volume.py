"""How loud at which time of day: VOLUME.toml, named by `profile` of SPEAKER.toml.

A limit is a level at the nearest dwelling in dBA, or a gain in dB under `volume`. What a level
means for a gain is measured once on the spot: `level_dba` is what is read there with the programme
at `volume` 1. Limits name their source; none is called legal that nobody verified. Where the time
is not known the strictest of all holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.typed_table import TableReader, text
from transmit.bulletin.content import Priority
from transmit.playout.local_time import zone_of

_FOLDER = Path(__file__).parent / "volumes"
_READER = TableReader("volume")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MOST_LIMITS = 48


@dataclass(frozen=True)
class Limit:
    """What holds from one time of the day to another, over midnight where `until` is earlier."""

    begin: str
    until: str
    value: float
    unit: Literal["dBA", "dB"]
    source: str = text(300)
    verified: bool = False

    def __post_init__(self) -> None:
        """Refuse times and gains that are none."""
        for name, value in (("begin", self.begin), ("until", self.until)):
            if not _TIME.fullmatch(value):
                raise ValueError(f"{name}: expected a time such as 06:00, got {value[:20]!r}")
        low, high = (20.0, 120.0) if self.unit == "dBA" else (-60.0, 0.0)
        if not low <= self.value <= high:
            raise ValueError(f"value: expected {low:g} to {high:g} {self.unit}, got {self.value:g}")

    def holds(self, at: time) -> bool:
        """Tell whether it holds at a local time."""
        begin, until = time.fromisoformat(self.begin), time.fromisoformat(self.until)
        return begin <= at < until if begin < until else at >= begin or at < until


@dataclass(frozen=True)
class VolumePlan:
    """Limits by time of day.

    Attributes
    ----------
    exempt
        Priorities that are heard at full `volume` all the same.
    """

    name: str
    limit: tuple[Limit, ...]
    description: str = text(200, default="")
    time_zone: str = "Asia/Ho_Chi_Minh"
    exempt: tuple[Priority, ...] = ("emergency",)

    def __post_init__(self) -> None:
        """Refuse a plan without limits or without a zone."""
        zone_of(self.time_zone)
        if not 1 <= len(self.limit) <= _MOST_LIMITS:
            raise ValueError(f"limit: expected 1 to {_MOST_LIMITS}, got {len(self.limit)}")

    def in_force(self, now_utc: datetime | None) -> list[Limit]:
        """Return the limits that hold now; all of them where nobody knows the time."""
        if now_utc is None:
            return list(self.limit)
        at = now_utc.astimezone(zone_of(self.time_zone)).time()
        return [one for one in self.limit if one.holds(at)]


class Volume:
    """Makes it as loud as it may be, without a step that clicks.

    Parameters
    ----------
    volume
        Factor on full scale, of SPEAKER.toml.
    plan, level_dba
        Limits, and what is read at the nearest dwelling with `volume` 1.
    """

    def __init__(
        self, volume: float, plan: VolumePlan | None = None, level_dba: float | None = None
    ) -> None:
        self._volume = volume
        self._plan = plan
        self._level_dba = level_dba
        self._before: float | None = None

    def applied(
        self, samples: Samples, now_utc: datetime | None, priority: Priority | None
    ) -> Samples:
        """Return a block as it is to be heard; `priority` is that of what is in it."""
        gain = self.gain(now_utc, priority)
        before, self._before = gain if self._before is None else self._before, gain
        if before == gain:
            return samples * np.float32(gain)
        ramp = np.linspace(before, gain, len(samples), dtype=np.float32)
        return np.asarray(samples * ramp, np.float32)

    def gain(self, now_utc: datetime | None, priority: Priority | None) -> float:
        """Return the factor on full scale."""
        limits = self._limits(now_utc, priority)
        return min([self._volume, *(self._factor(one) for one in limits)])

    def told(self, now_utc: datetime | None, priority: Priority | None) -> dict[str, Any]:
        """Return the gain, and the limit that makes it what it is."""
        gain = self.gain(now_utc, priority)
        fields: dict[str, Any] = {
            "gain_db": round(20 * math.log10(gain), 2) if gain > 0 else None,
        }
        for one in self._limits(now_utc, priority):
            if self._factor(one) == gain:
                fields["limit"] = {
                    "value": one.value,
                    "unit": one.unit,
                    "source": one.source,
                    "verified": one.verified,
                }
        return fields

    def _limits(self, now_utc: datetime | None, priority: Priority | None) -> list[Limit]:
        if self._plan is None or (priority is not None and priority in self._plan.exempt):
            return []
        return self._plan.in_force(now_utc)

    def _factor(self, limit: Limit) -> float:
        if limit.unit == "dB":
            return self._volume * 10 ** (limit.value / 20)
        assert self._level_dba is not None, "open_volume refuses a plan in dBA without it"
        return float(10 ** ((limit.value - self._level_dba) / 20))


def open_volume(
    volume: float, profile: str | None, level_dba: float | None, folder: Path
) -> Volume:
    """Return the volume of a loudspeaker.

    Raises
    ------
    Refusal
        "volume.missing", "volume.toml", "volume.key", "volume.value"; "volume.level" where limits
        in dBA have no measured level beside them.
    """
    if profile is None:
        return Volume(volume)
    shipped = _FOLDER / f"{profile}.toml"
    path = shipped if "/" not in profile and shipped.is_file() else folder / profile
    names = ", ".join(sorted(one.stem for one in _FOLDER.glob("*.toml")))
    content = _READER.load(path, f"a volume profile: {names}, or a file")
    plan = _READER.read("the volume profile", _READER.parse(content), VolumePlan)
    if level_dba is None and any(one.unit == "dBA" for one in plan.limit):
        raise Refusal(
            "volume.level",
            expected="level_dba, read at the nearest dwelling with volume = 1",
            got="limits in dBA and no level",
            advice="measuring it, or limits in dB",
        )
    return Volume(volume, plan, level_dba)
