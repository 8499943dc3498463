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
        # Read once: this is asked several times a second.
        self._times = tuple((s.start_minute, s.end_minute, s.weekdays, s.reference) for s in slots)

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
        # A slot may have begun yesterday and end today.
        places = [(minutes + days * MINUTES_A_DAY, (local.weekday() - days) % 7) for days in (0, 1)]
        for start, end, weekdays, reference in self._times:
            for place, weekday in places:
                if start <= place < end and weekday in weekdays:
                    found.append(Due(reference, 60.0 * (place - start), 60.0 * (end - place)))
        return found

    def near(self, moment: datetime, grace_s: float) -> list[Due]:
        """Return what is due within `grace_s` of `moment` on either side."""
        found: dict[str, Due] = {}
        for shift_s in (0.0, -grace_s, grace_s):
            for due in self.due(moment + timedelta(seconds=shift_s)):
                found.setdefault(due.reference, due)
        return list(found.values())
