"""Which slot of STATIONS.toml a moment lies in, in the station's local time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ingest.receiver.stations import MINUTES_A_DAY, Slot


@dataclass(frozen=True)
class Due:
    """A slot that is on: its reference ("" for anything), and how far its ends are."""

    reference: str
    since_s: float
    left_s: float


class Schedule:
    """The slots of one station.

    Parameters
    ----------
    slots
        Of STATIONS.toml; none means that nothing is known of what is due.
    zone
        In which their times are told.
    """

    def __init__(self, slots: Sequence[Slot], zone: tzinfo = UTC) -> None:
        self.slots = tuple(slots)
        self._zone = zone

    @property
    def known(self) -> bool:
        """Whether anything is known of what is due."""
        return bool(self.slots)

    def due(self, moment: datetime) -> list[Due]:
        """Return the slots that are on at an aware `moment`, in the order of the file."""
        local = moment.astimezone(self._zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        minutes = (local - midnight) / timedelta(minutes=1)
        found = []
        for slot in self.slots:
            # A slot may have begun yesterday and end today.
            for days in (0, 1):
                place = minutes + days * MINUTES_A_DAY
                weekday = (local - timedelta(days=days)).weekday()
                if weekday in slot.weekdays and slot.start_minute <= place < slot.end_minute:
                    since_s = 60.0 * (place - slot.start_minute)
                    left_s = 60.0 * (slot.end_minute - place)
                    found.append(Due(slot.reference, since_s, left_s))
        return found

    def near(self, moment: datetime, grace_s: float) -> list[Due]:
        """Return what is due within `grace_s` of `moment` on either side."""
        found: dict[str, Due] = {}
        for shift_s in (0.0, -grace_s, grace_s):
            for due in self.due(moment + timedelta(seconds=shift_s)):
                found.setdefault(due.reference, due)
        return list(found.values())
