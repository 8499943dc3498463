"""SCHEDULE.toml: which zones there are, what a commune plays in them, and when.

time_zone = "Asia/Ho_Chi_Minh"
commune = "tri-ton"
order = ["tin-xa", "province.vinh-long/2026-123"]   # who goes first where two clash

[[zone]]
id = "tri-ton.1"
rtp = ["239.255.12.42:5004"]

[[item]]
id = "tin-sang"
audio = "tin-sang.wav"
when = "weekly"
days = ["mon", "sat"]
at = "05:00"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from dsp.typed_table import TableReader, number, text
from transmit.bulletin.content import Priority
from transmit.playout.local_time import zone_of

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_READER = TableReader("schedule")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)
_MOST_ITEMS, _MOST_ZONES = 2_000, 500


@dataclass(frozen=True)
class ZoneSettings:
    """One zone: where its stream goes, and what it falls back to.

    Attributes
    ----------
    id
        Its name, as bulletins address it.
    rtp
        Destinations, ADDRESS:PORT.
    codec, packet_ms, bit_rate_kbps, fec, srtp_key_file, sdp
        As of `loa stream`; files are relative to the schedule.
    prepared
        Recording for when what should play does not come; None goes on to the chime.
    """

    id: str
    rtp: tuple[str, ...]
    codec: Literal["opus", "g722", "pcmu", "pcma", "l16"] = "opus"
    packet_ms: float | None = number(1, 60, default=None)
    bit_rate_kbps: float = number(6, 510, default=32.0)
    fec: Literal["none", "normal", "emergency"] = "none"
    srtp_key_file: str | None = None
    sdp: str | None = None
    prepared: str | None = None

    def __post_init__(self) -> None:
        """Refuse names that are none, and a zone without a listener."""
        _require_name("id", self.id)
        if not 1 <= len(self.rtp) <= 10_000:
            raise ValueError(f"rtp: expected 1 to 10000 destinations, got {len(self.rtp)}")


@dataclass(frozen=True)
class Loudspeaker:
    """A loudspeaker that hears more than one zone: clashes between them are its clashes."""

    id: str
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """Something to play.

    Attributes
    ----------
    id
        Its name.
    when
        `once` at a local date and time, `daily`, `weekly` on `days`, or `now`: when it is first
        read.
    audio, live, bulletin
        One of them: a recording; `pipe:PATH`, 16-bit mono at 48 kHz; or ISSUER/ID of a bulletin
        that has come.
    at
        `05:00` or `05:00:30`; of `once` `2026-11-24T05:00`.
    days
        Of `weekly`.
    zones
        None names all.
    priority
        TT 39/2020.
    minutes
        How long a live item lasts.
    """

    id: str
    when: Literal["once", "daily", "weekly", "now"]
    audio: str | None = None
    live: str | None = None
    bulletin: str | None = None
    at: str | None = None
    days: tuple[Day, ...] = ()
    zones: tuple[str, ...] = ()
    priority: Priority = "normal"
    minutes: float = number(0.05, 1_440, default=60.0)

    def __post_init__(self) -> None:
        """Refuse an item that could not be played, or never."""
        _require_name("id", self.id)
        given = [value for value in (self.audio, self.live, self.bulletin) if value is not None]
        if len(given) != 1:
            raise ValueError(f"audio: expected one of audio, live, bulletin, got {len(given)}")
        if self.live is not None and len(self.live.removeprefix("pipe:")) != len(self.live) - 5:
            raise ValueError(f"live: expected pipe:PATH, got {self.live[:80]!r}")
        if (self.when == "weekly") != bool(self.days) or len(set(self.days)) != len(self.days):
            raise ValueError(f"days: expected days for weekly only, got {list(self.days)}")
        if (self.at is None) != (self.when == "now"):
            raise ValueError(f"at: expected a time unless when is now, got {self.at!r}")
        if self.when == "once":
            self.once_at()
        elif self.when != "now":
            self.daily_at()

    def daily_at(self) -> time:
        """Return the local time of day."""
        return _time(self.at or "")

    def once_at(self) -> tuple[date, time]:
        """Return the local date and time."""
        said = self.at or ""
        day, _, hour = said.partition("T")
        try:
            return datetime.strptime(day, "%Y-%m-%d").date(), _time(hour)  # noqa: DTZ007 - a date
        except ValueError as error:
            raise ValueError(f"at: expected 2026-11-24T05:00, got {said[:40]!r}") from error

    def is_on(self, day: date) -> bool:
        """Tell whether it is played on that local day."""
        if self.when == "once":
            return day == self.once_at()[0]
        return self.when == "daily" or DAYS[day.weekday()] in self.days

    def time_on(self) -> time:
        """Return the local time at which it is played on its days."""
        return self.once_at()[1] if self.when == "once" else self.daily_at()


@dataclass(frozen=True)
class Schedule:
    """A commune's schedule.

    Attributes
    ----------
    commune, time_zone
        Whose it is, and whose clock it goes by.
    zone, item, loudspeaker
        See there.
    order
        Ids of items and ISSUER/ID of bulletins: the commune's order where two of the same priority
        clash. What stands here goes before what does not.
    crossfade_ms, ceiling_dbfs
        How one sound goes over into the next, and what no sample exceeds.
    wait_minutes
        An item that could not begin so long after its time is left out, and said to be.
    chime, exercise
        The recording after `prepared` in the chain of fallbacks; the announcement ahead of a
        bulletin that is a test, without which none is taken.
    keyring, inbox, state
        Whose bulletins are taken, from which folder, and where it is kept. All three or none.
    holders_emergency, holders_priority, holders_normal
        So many different holders sign.
    """

    commune: str
    zone: tuple[ZoneSettings, ...]
    item: tuple[Item, ...] = ()
    time_zone: str = "Asia/Ho_Chi_Minh"
    loudspeaker: tuple[Loudspeaker, ...] = ()
    order: tuple[str, ...] = ()
    crossfade_ms: float = number(0, 2_000, default=100.0)
    ceiling_dbfs: float = number(-30, 0, default=-1.0)
    wait_minutes: float = number(0, 720, default=60.0)
    chime: str | None = None
    exercise: str | None = None
    keyring: str | None = None
    inbox: str | None = None
    state: str | None = None
    holders_emergency: int = number(1, 4, default=1)
    holders_priority: int = number(1, 4, default=1)
    holders_normal: int = number(1, 4, default=1)
    name: str = text(100, default="Loa")

    def __post_init__(self) -> None:
        """Refuse zones that are not there, and names twice."""
        _require_name("commune", self.commune)
        zone_of(self.time_zone)
        _require_ids("zone", [zone.id for zone in self.zone], 1, _MOST_ZONES)
        _require_ids("item", [item.id for item in self.item], 0, _MOST_ITEMS)
        named = [(item.id, item.zones) for item in self.item]
        named += [(speaker.id, speaker.zones) for speaker in self.loudspeaker]
        for name, zones in named:
            strange = sorted(set(zones) - {zone.id for zone in self.zone})
            if strange:
                raise ValueError(f"{name}.zones: expected zones of this file, got {strange[0]!r}")
        if len({value is None for value in (self.keyring, self.inbox, self.state)}) != 1:
            raise ValueError("inbox: expected keyring, inbox and state together, got some of them")

    @property
    def clock(self) -> ZoneInfo:
        """Time zone of the schedule."""
        return zone_of(self.time_zone)

    def rank(self, name: str) -> int:
        """Return the place of an item or bulletin in the commune's order; the undecided last."""
        return self.order.index(name) if name in self.order else len(self.order)


def read_schedule(content: bytes) -> Schedule:
    """Return the schedule in a TOML file.

    Raises
    ------
    Refusal
        "schedule.toml", "schedule.key", "schedule.value".
    """
    return _READER.read("the schedule", _READER.parse(content), Schedule)


def _time(said: str) -> time:
    if _TIME.fullmatch(said):
        try:
            return time.fromisoformat(said)
        except ValueError:
            pass
    raise ValueError(f"at: expected a time from 00:00 to 23:59:59, got {said[:40]!r}")


def _require_ids(what: str, ids: list[str], least: int, most: int) -> None:
    if not least <= len(ids) <= most or len(set(ids)) != len(ids):
        raise ValueError(f"{what}: expected {least} to {most}, each id once, got {len(ids)}")


def _require_name(key: str, value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{key}: expected letters, digits and . _ ~ -, got {value[:60]!r}")
