"""What every process of the service holds: settings, tables, blobs, jobs, tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from loa.service.blobs import Blobs, open_blobs
from loa.service.database import Database
from loa.service.jobs import Jobs
from loa.service.settings import private_folder
from loa.service.tokens import Tokens
from transmit.bulletin.keyring import Keyring, read_keyring

if TYPE_CHECKING:
    from loa.service.settings import Settings


@dataclass(frozen=True)
class Room:
    """One process's view of the service."""

    settings: Settings
    database: Database
    blobs: Blobs
    jobs: Jobs
    tokens: Tokens
    keyring: Keyring

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_room(settings: Settings) -> Room:
    """Open everything, making folders and bringing tables up to date."""
    folder = private_folder(settings.data_folder)
    database = Database(settings.database_url)
    database.migrate()
    blobs = open_blobs(settings.blobs_url, private_folder(folder / "parts"))
    tokens = Tokens(database, settings.limits)
    return Room(settings, database, blobs, Jobs(database), tokens, open_keyring(settings))


def open_keyring(settings: Settings) -> Keyring:
    """Return the keys whose bulletins are accepted: none where no file is named."""
    if not settings.bulletin.keyring:
        return Keyring()
    try:
        content = Path(settings.bulletin.keyring).read_bytes()
    except OSError as error:
        raise Refusal(
            "keyring.missing",
            expected="the keyring that SERVICE.toml names",
            got=f"{settings.bulletin.keyring}: {error.strerror}",
            advice="another path under [bulletin]",
        ) from error
    return read_keyring(content)


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
