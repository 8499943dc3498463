"""One engine for SQLite and PostgreSQL, and what a full disk or a lock looks like from outside.

SQLite runs in WAL with `synchronous=FULL`: a committed row survives a power cut. A transaction that
will write says so at its start (BEGIN IMMEDIATE), so that two never wait for each other's read.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from dsp.errors import Refusal
from loa.service.settings import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BUSY_S = 4.0
# Of each connection; SQLite would take 2 MB for each, and there are many. The system has its own.
_CACHE_KB = 256
# Few connections stay open; those of a rush are closed after it. Who comes gets the one that was
# used last: taken in turn, each of them would come to hold every statement, over an hour. And none
# gets old: each keeps what it has compiled and read, those that are rarely used for weeks.
POOL: dict[str, Any] = {
    "pool_size": 5,
    "max_overflow": 15,
    "pool_use_lifo": True,
    "pool_recycle": 60,  # s
}
_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "loa_writes"
# Any number, the same in every process: one migration, and one audit line, at a time.
_MIGRATION_LOCK, _AUDIT_LOCK = 7_306_001, 7_306_002
_INPUT_LOCKS = 7_306_003
_NAMES_AT_ONCE = 25


class Database:
    """The service's tables behind one URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            private_folder(Path(sa.make_url(url).database or ".").parent)
            self.engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S}, **POOL)
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(
                url, pool_pre_ping=True, connect_args={"connect_timeout": 4}, **POOL
            )
        self._writer = self.engine.execution_options(**{_WRITES: True})

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        with failures_refused(), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction that may write; it is on the disk when this returns.

        What need not be `lasting`, PostgreSQL may put there a moment later.
        """
        with failures_refused(), self._writer.begin() as connection:
            if not (lasting or self.is_sqlite):
                connection.execute(sa.text("SET LOCAL synchronous_commit TO off"))
            yield connection

    def now_s(self, connection: sa.Connection) -> float:
        """Return the time by the database's clock, which all hosts share."""
        clock = (
            sa.text("SELECT (julianday('now') - 2440587.5) * 86400.0")
            if self.is_sqlite
            else sa.text("SELECT extract(epoch FROM clock_timestamp())")
        )
        return float(connection.execute(clock).scalar_one())

    def lock_audit(self, connection: sa.Connection) -> None:
        """Let one transaction at a time extend the audit chain; SQLite has one writer anyway."""
        if not self.is_sqlite:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_AUDIT_LOCK})"))

    def lock_input(self, connection: sa.Connection, sha256: str) -> None:
        """Let one transaction at a time decide about jobs of these bytes."""
        if not self.is_sqlite:
            lock = sa.text("SELECT pg_advisory_xact_lock(:kind, :input)")
            first = int.from_bytes(bytes.fromhex(sha256[:8]), "big", signed=True)
            connection.execute(lock, {"kind": _INPUT_LOCKS, "input": first})

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call this at once."""
        from alembic import command
        from alembic.config import Config

        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


class SmallCache(sqlite3.Connection):
    """A connection of somebody else's engine (DBOS) with a page cache as small as ours."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.execute(f"PRAGMA cache_size=-{_CACHE_KB}")


def in_equal_batches(names: Sequence[str], size: int = _NAMES_AT_ONCE) -> Iterator[list[str]]:
    """Yield names in lists of one length, the last filled up with its last name over and over.

    For `IN`: each count of names is a statement of its own. Every connection keeps the last 128
    that it has compiled, and one of 500 names holds 150 kB; so the lists are short, too.
    """
    for start in range(0, len(names), size):
        batch = list(names[start : start + size])
        yield batch + batch[-1:] * (size - len(batch))


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    settings = (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KB}",
    )
    for setting in settings:
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def failures_refused() -> Iterator[None]:
    """Turn what a database or a disk cannot do now into a Refusal with exit code 4.

    Kinds: "store.full" (the disk), "store.busy" (locked or not reachable).
    """
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise refusal_of_database(error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise store_full() from error
        if error.errno == errno.EIO:
            raise store_busy("a disk that does not keep what it is given") from error
        raise


def refusal_of_database(error: Exception) -> Refusal:
    """Return the refusal for an error of the database driver."""
    text = str(getattr(error, "orig", None) or error).lower()
    if "disk is full" in text or "no space left" in text:
        return store_full()
    return store_busy(text.splitlines()[0][:200] if text else "no answer")


def store_full() -> Refusal:
    """Refuse what there is no room for."""
    return Refusal(
        "store.full",
        expected="room on the service's disk",
        got="no space left",
        advice="again later; the operator frees space or lowers retention_days",
        exit_code=4,
    )


def store_busy(got: str) -> Refusal:
    """Refuse what the database cannot take right now."""
    return Refusal(
        "store.busy",
        expected="a database that answers",
        got=got,
        advice="again in a few seconds",
        exit_code=4,
    )
