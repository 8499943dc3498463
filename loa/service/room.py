"""What every process of the service holds: settings, tables, blobs, jobs, tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loa.service.blobs import Blobs, open_blobs
from loa.service.database import Database
from loa.service.jobs import Jobs
from loa.service.settings import private_folder
from loa.service.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from loa.service.settings import Settings


@dataclass(frozen=True)
class Room:
    """One process's view of the service."""

    settings: Settings
    database: Database
    blobs: Blobs
    jobs: Jobs
    tokens: Tokens

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_room(settings: Settings) -> Room:
    """Open everything, making folders and bringing tables up to date."""
    folder = private_folder(settings.data_folder)
    database = Database(settings.database_url)
    database.migrate()
    blobs = open_blobs(settings.blobs_url, private_folder(folder / "parts"))
    return Room(settings, database, blobs, Jobs(database), Tokens(database, settings.limits))


def host_id(settings: Settings) -> str:
    """Return the name of this host: the one in the settings, or one drawn once and kept."""
    return settings.worker.host_id or _kept_name(settings.data_folder / "host-id")


def _kept_name(path: Path) -> str:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(f"host-{secrets.token_hex(6)}")
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii").strip()
