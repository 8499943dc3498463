"""The jobs of a service: one table, seen by those who hand in and by those who work."""

from __future__ import annotations

from loa.service.handed_in import HandedIn
from loa.service.worked_on import WorkedOn


class Jobs(HandedIn, WorkedOn):
    """Both sides of the same rows."""
