"""Settings of the service: SERVICE.toml, every key known, every default safe for one machine.

data = "/var/lib/loa"                     # folder of this host
database = "postgresql://loa@db/loa"      # default: SQLite in `data`
blobs = "s3://loa-bulletins"              # default: a folder in `data`
[limits] … [worker] … [incoming] … [outgoing] … [bulletin] …
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsp.typed_table import TableReader

_READER = TableReader("settings")


@dataclass(frozen=True)
class Limits:
    """What one caller may ask for; a token may carry other numbers of its own.

    Attributes
    ----------
    upload_bytes
        Largest body.
    decoded_s
        Longest programme after decoding.
    requests_per_minute
        Rate of requests; as many may come at once.
    active_jobs
        Jobs queued and running.
    stored_bytes
        Uploads and renditions kept.
    receive_s
        A request line with its headers, and the first 4 kB of the body (or all of it), must be
        there after this time; for those the service's own number holds, not a token's.
    receive_bytes_per_s
        Slowest body, on average, once `receive_s` has passed; a pause may last as long as that.
    """

    upload_bytes: int = 512 << 20
    decoded_s: float = 4 * 3600.0
    requests_per_minute: int = 6_000
    active_jobs: int = 2_000
    stored_bytes: int = 50 << 30
    receive_s: float = 6.0
    receive_bytes_per_s: float = 8_192.0

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}: expected more than 0, got {value}")


@dataclass(frozen=True)
class WorkerSettings:
    """How jobs are worked off.

    Attributes
    ----------
    processes
        Worker processes of this host; 0 for one a core.
    host_id
        Name of this host; empty for one that is drawn once and kept in `data`.
    beat_s, gone_after_s
        A worker gives a sign of life every `beat_s`; without one for `gone_after_s` its jobs are
        taken over by the others.
    drain_s
        Time a worker has to end the job in hand when it is asked to leave.
    """

    processes: int = 0
    host_id: str = ""
    beat_s: float = 2.0
    gone_after_s: float = 20.0
    drain_s: float = 30.0


@dataclass(frozen=True)
class Outgoing:
    """Where the service connects to on a caller's word; nowhere by default.

    Attributes
    ----------
    hosts
        Names that uploads by URL and webhooks may lead to; "*.vinh-long.gov.vn" for all below one.
    networks
        Networks that are not of the open internet and may be reached all the same ("10.20.0.0/16").
    ports, plain_http
        Ports, and whether http without TLS is allowed.
    connect_s, total_s
        Longest pause of the other side, and longest exchange.
    fetches
        So many uploads by URL at once.
    retry_s
        Pauses after each attempt of a webhook; after the last it is given up.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ports: tuple[int, ...] = (443,)
    plain_http: bool = False
    connect_s: float = 8.0
    total_s: float = 120.0
    fetches: int = 8
    retry_s: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0, 3600.0, 10800.0, 21600.0, 43200.0)

    def __post_init__(self) -> None:
        """Refuse networks that are none, and limits that let nothing through."""
        for network in self.networks:
            ipaddress.ip_network(network)  # a ValueError that says what is wrong
        for name in ("connect_s", "total_s", "fetches"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class Incoming:
    """Who connects to the service.

    Attributes
    ----------
    connections_per_address
        So many connections of one address may wait for their first request, and so many requests
        of one be answered at a time; IPv6 addresses count by their first 64 bits.
    trusted_proxies
        Networks of reverse proxies ("127.0.0.1/32"): their connections are not counted, and who
        asks is whom they name in X-Forwarded-For. Nobody by default.
    """

    connections_per_address: int = 2_000
    trusted_proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse networks that are none, and a limit that lets nothing through."""
        for network in self.trusted_proxies:
            ipaddress.ip_network(network)  # a ValueError that says what is wrong
        if self.connections_per_address <= 0:
            raise ValueError(
                f"connections_per_address: expected more than 0, got {self.connections_per_address}"
            )


@dataclass(frozen=True)
class BulletinSettings:
    """Whose envelopes are accepted: a keyring (docs/reference/bulletin.md), and how many sign."""

    keyring: str = ""
    holders_normal: int = 1
    holders_priority: int = 1
    holders_emergency: int = 1


@dataclass(frozen=True)
class Settings:
    """All settings; `data` is filled in by `load_settings`."""

    data: str = ""
    database: str = ""
    blobs: str = ""
    retention_days: float = 7.0
    require_isolation: bool = True
    limits: Limits = field(default_factory=Limits)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    outgoing: Outgoing = field(default_factory=Outgoing)
    incoming: Incoming = field(default_factory=Incoming)
    bulletin: BulletinSettings = field(default_factory=BulletinSettings)

    @property
    def data_folder(self) -> Path:
        """Folder of this host."""
        return Path(self.data)

    @property
    def database_url(self) -> str:
        """Where the service's own tables live, as SQLAlchemy names it."""
        if not self.database:
            return f"sqlite:///{self.data_folder.absolute()}/loa.sqlite"
        return self.database.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def queue_url(self) -> str:
        """Where DBOS keeps its tables: a file of its own beside SQLite, a schema in PostgreSQL."""
        if self.database_url.startswith("sqlite"):
            return f"sqlite:///{self.data_folder.absolute()}/queue.sqlite"
        return self.database_url

    @property
    def blobs_url(self) -> str:
        """Where uploads and renditions live."""
        return self.blobs or f"file://{self.data_folder.absolute()}/blobs"


def default_data_folder() -> Path:
    """Return the folder for a user who names none (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "loa"


def load_settings(path: Path | None, data: Path | None = None) -> Settings:
    """Return the settings in the file at `path`, or the defaults; `data` overrides the folder.

    Raises
    ------
    Refusal
        "settings.missing", "settings.toml", "settings.key", "settings.value".
    """
    settings = Settings()
    if path is not None:
        wanted = "a SERVICE.toml that can be read"
        content = _READER.load(path, wanted, "another path, or none for the defaults")
        settings = _READER.read("the settings", _READER.parse(content), Settings)
    folder = data or (Path(settings.data) if settings.data else default_data_folder())
    return replace(settings, data=str(folder.absolute()))


def as_text(settings: Settings) -> str:
    """Return the settings as a text for another process."""
    return json.dumps(dataclasses.asdict(settings))


def settings_of(text: str) -> Settings:
    """Return the settings that `as_text` made a text of."""
    return _READER.read("the settings", json.loads(text), Settings)


def private_folder(path: Path) -> Path:
    """Make a folder that only this user may look into."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
