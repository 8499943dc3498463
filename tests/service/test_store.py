"""Tables and blobs on real servers: SQLite and PostgreSQL, a folder and an S3 API, all alike."""

import contextlib
import errno
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from dsp.errors import Refusal
from loa.service import audit, folder_blobs, operating
from loa.service import tokens as tokens_module
from loa.service.blobs import open_blobs
from loa.service.database import Database, in_equal_batches
from loa.service.housekeeping import Housekeeping, sweep
from loa.service.jobs import Jobs
from loa.service.part import Part
from loa.service.room import open_room
from loa.service.settings import Limits, Settings, load_settings
from loa.service.submission import Submission
from loa.service.tables import AUDIT, METADATA
from loa.service.tokens import Caller, Tokens
from tests.service.live import wait_for

CALLER = Caller("t1", "platform", frozenset({"submit"}), frozenset(), Limits())
MADE = [
    {
        "target": "ip",
        "sha256": "b" * 64,
        "size_bytes": 5,
        "media_type": "audio/mpeg",
        "url": "/v1/blobs/" + "b" * 64,
    }
]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/loa.sqlite"
    else:
        url = request.getfixturevalue("postgresql")
    found = Database(url)
    found.migrate()
    with found.write() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(table.delete())
    yield found
    found.close()


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return open_blobs(f"file://{tmp_path}/blobs", tmp_path / "parts")
    return open_blobs(request.getfixturevalue("bucket"), tmp_path / "parts")


def keep(store, content):
    part = Part(store.parts)
    part.write(content)
    digest = part.sha256
    store.keep(part.path, digest)
    part.close()
    return digest


def submission(key="k1", sha256="a" * 64, targets=("ip",)):
    return Submission(key, sha256, 100, "", targets)


def test_migrations_make_the_tables_that_the_code_knows(database):
    found = sa.inspect(database.engine)
    for table in METADATA.sorted_tables:
        columns = {column["name"]: column for column in found.get_columns(table.name)}
        assert set(columns) == {column.name for column in table.columns}
        for column in table.columns:
            assert columns[column.name]["nullable"] == column.nullable, column
    database.migrate()  # again: nothing to do


def test_blobs_are_whole_once_and_found_by_digest(store):
    content = os.urandom(3_000_000)
    digest = keep(store, content)
    assert digest == hashlib.sha256(content).hexdigest() == keep(store, content)
    assert store.size(digest) == len(content)
    assert b"".join(store.pieces(digest, 10, 2_500_000)) == content[10:2_500_000]
    with store.local(digest, ".g722") as path:
        assert (path.suffix, path.read_bytes()) == (".g722", content)
    assert digest in set(store.digests(0.0))
    assert digest not in set(store.digests(3600.0))
    assert list(store.parts.iterdir()) == []
    store.delete(digest)
    store.delete(digest)
    assert store.size(digest) is None
    with pytest.raises(Refusal, match=r"blob\.gone"), store.local(digest, ""):
        pass


def test_one_key_is_one_job_however_many_ask(database):
    jobs = Jobs(database)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: jobs.submit(CALLER, submission()), range(64)))
    assert len({row["id"] for row, _ in found}) == 1
    assert sum(new for _, new in found) == 1
    with pytest.raises(Refusal, match=r"job\.conflict"):
        jobs.submit(CALLER, submission(sha256="c" * 64))
    with pytest.raises(Refusal, match=r"job\.conflict"):
        jobs.submit(CALLER, submission(targets=("fm",)))


def test_of_many_that_end_a_job_one_publishes(database):
    jobs = Jobs(database)
    row, _ = jobs.submit(CALLER, submission())
    assert jobs.begin(row["id"], 1)["state"] == "running"
    assert jobs.begin(row["id"], 1)["state"] == "running"  # a step done again
    assert jobs.begin(row["id"], 2) is None
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda _: jobs.publish(row["id"], 1, MADE), range(16)))
    assert sum(published) == 1
    assert not jobs.fail(row["id"], 1, {})
    with database.read() as connection:
        lines = connection.execute(sa.select(AUDIT).where(AUDIT.c.action == "job.done")).all()
    assert len(lines) == 1


def test_a_cancelled_job_is_not_published(database):
    jobs = Jobs(database)
    row, _ = jobs.submit(CALLER, submission())
    jobs.begin(row["id"], 1)
    jobs.cancel("t1", row["id"])
    assert not jobs.advance(row["id"], 1, "mastering")
    assert not jobs.publish(row["id"], 1, MADE)
    assert jobs.get(row["id"])["state"] == "cancelled"
    assert jobs.retry("t1", row["id"])["attempt"] == 2
    assert not jobs.publish(row["id"], 1, MADE)  # the first attempt comes too late
    assert [(r["id"], r["attempt"]) for r in jobs.to_hand_over()] == [(row["id"], 2)]


def test_urgent_jobs_are_handed_over_first(database):
    jobs = Jobs(database)
    for number, priority in enumerate((2, 1, 0, 2)):
        wanted = Submission(f"k{number}", f"{number}" * 64, 1, "", ("ip",), priority)
        jobs.submit(CALLER, wanted)
    assert [row["priority"] for row in jobs.to_hand_over()] == [0, 1, 2, 2]


def test_the_same_bytes_wait_for_the_job_that_is_ahead(database):
    jobs = Jobs(database)

    def waiting():
        return [by_id[row["id"]] for row in jobs.to_hand_over()]

    by_id = {}
    asked = {"first": ("ip",), "second": ("ip",), "other": ("fm",)}
    for key, targets in asked.items():
        by_id[jobs.submit(CALLER, submission(key, targets=targets))[0]["id"]] = key
    first, second, other = by_id
    assert waiting() == ["first", "other"]
    jobs.handed_over(first, 1)
    assert waiting() == ["other"]
    jobs.begin(first, 1)
    urgent = Submission("urgent", "a" * 64, 100, "", ("ip",), 0)
    by_id[jobs.submit(CALLER, urgent)[0]["id"]] = "urgent"
    assert waiting() == ["urgent", "other"]  # an emergency waits for nobody
    assert jobs.begin(list(by_id)[-1], 1)["state"] == "running"
    jobs.cancel("t1", list(by_id)[-1])
    assert jobs.fail(first, 1, {})
    assert waiting() == ["second", "other"]
    assert jobs.begin(second, 1)["attempt"] == 1
    assert jobs.begin(other, 1)["attempt"] == 1


def test_of_many_with_the_same_bytes_that_begin_at_once_one_runs(database):
    """As when several hosts took them over in the same moment."""
    jobs = Jobs(database)
    ids = [jobs.submit(CALLER, submission(f"k{number}"))[0]["id"] for number in range(8)]
    for job_id in ids:
        jobs.handed_over(job_id, 1)
    with ThreadPoolExecutor(8) as pool:
        begun = [row for row in pool.map(lambda job_id: jobs.begin(job_id, 1), ids) if row]
    assert len(begun) == 1
    assert jobs.to_hand_over() == []
    assert jobs.publish(begun[0]["id"], 1, MADE)
    # The others come one by one, each as a further attempt, and have the result there.
    for _ in range(7):
        (row,) = jobs.to_hand_over()
        assert row["attempt"] == 2
        assert jobs.begin(row["id"], 1) is None
        assert jobs.made_before(jobs.begin(row["id"], 2)) == MADE
        assert jobs.publish(row["id"], 2, MADE)


def test_a_silent_worker_is_claimed_by_one(database, tmp_path):
    settings = load_settings(None, tmp_path)
    room = open_room(settings)
    room.database.close()
    object.__setattr__(room, "database", database)
    Housekeeping(room, "gone", ()).beat()
    with database.write() as connection:
        connection.execute(sa.text("UPDATE workers SET seen_at = seen_at - 21"))
    workers = [Housekeeping(room, f"w{n}", ()) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda worker: worker._claim(), workers))
    assert sorted(claims) == [*([[]] * 7), ["gone"]]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit SET detail = '{}' WHERE number = 2",
        "DELETE FROM audit WHERE number = 2",
        "UPDATE audit SET number = 9 WHERE number = 3",
    ],
)
def test_the_audit_chain_shows_every_change(database, damage):
    jobs = Jobs(database)
    for number in range(4):
        jobs.submit(CALLER, submission(f"k{number}"))
    assert audit.check(database) == audit.ChainState(4, None)
    with database.write() as connection:
        connection.execute(sa.text(damage))
    assert audit.check(database).broken_at in {2, 3}


def test_tokens_end_when_they_should(database):
    tokens = Tokens(database, Limits())
    token = tokens.create("platform", ("submit",), zones=("z",), limits={"active_jobs": 3.0})
    caller = tokens.caller(token)
    assert (caller.owner, caller.limits.active_jobs) == ("platform", 3)
    assert not caller.may("read")
    with database.read() as connection:
        stored = connection.execute(sa.text("SELECT hash FROM tokens")).scalar_one()
    assert stored.startswith("$argon2id$")
    assert token.split("_", 2)[2] not in stored  # a secret may have underscores
    fresh = tokens.rotate(caller.token_id, grace_s=0.0)
    later = Tokens(database, Limits())  # another process remembers nothing
    assert later.caller(token) is None
    assert later.caller(fresh).zones == {"z"}
    assert later.caller(tokens.create("x", ("read",), days=0.0)) is None
    for wrong in ("", "loa_", "loa__", "a" * 300, fresh[:-1], fresh.upper()):
        assert later.caller(wrong) is None


def test_retention_deletes_rows_and_bytes(tmp_path):
    settings = load_settings(None, tmp_path)
    room = open_room(settings)
    digest, lone = keep(room.blobs, b"upload"), keep(room.blobs, b"nobody's")
    row, _ = room.jobs.submit(CALLER, submission(sha256=digest))
    room.jobs.cancel("t1", row["id"])
    assert sweep(room, grace_s=0.0) == (0, 1)
    assert (room.blobs.size(digest), room.blobs.size(lone)) == (6, None)
    with room.database.write() as connection:
        connection.execute(sa.text("UPDATE jobs SET ended_at = ended_at - 7.1 * 86400"))
    assert sweep(room, grace_s=0.0) == (1, 1)
    assert room.blobs.size(digest) is None
    assert not any(b"upload" in path.read_bytes() for path in tmp_path.rglob("??/*"))
    room.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "sync", "rename"])
def test_a_disk_that_fails_is_a_refusal_and_leaves_nothing(tmp_path, monkeypatch, code, call):
    store = open_blobs(f"file://{tmp_path}/blobs", tmp_path)
    part = Part(store.parts)

    def failing(*_):
        raise OSError(code, os.strerror(code))

    if call == "write":
        part.write(b"more ")
        part._file.close()
        part._file = type("Full", (), {"write": failing, "close": lambda _: None})()
    elif call == "sync":
        monkeypatch.setattr(folder_blobs, "_sync", failing)
    else:
        monkeypatch.setattr(Path, "replace", failing)
    kind = "store.busy" if code == errno.EIO else "store.full"

    def keep_it():
        part.write(b"bytes")
        store.keep(part.path, part.sha256)

    with pytest.raises(Refusal) as refused:
        keep_it()
    assert refused.value.kind == kind
    part.close()
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_a_locked_database_is_busy_and_recovers(tmp_path, monkeypatch):
    monkeypatch.setattr("loa.service.database._BUSY_S", 0.1)
    database = Database(f"sqlite:///{tmp_path}/loa.sqlite")
    database.migrate()
    lock = sqlite3.connect(tmp_path / "loa.sqlite", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refusal, match=r"store\.busy"):
        Jobs(database).submit(CALLER, submission())
    lock.execute("ROLLBACK")
    lock.close()
    assert Jobs(database).submit(CALLER, submission())[1]
    database.close()


def test_a_full_database_is_full_and_recovers(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/loa.sqlite")
    database.migrate()

    @sa.event.listens_for(database.engine, "checkout")
    def shrink(connection, *_):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages if full else 10**6}")

    def fill():
        for number in range(1000):
            Jobs(database).submit(CALLER, submission(f"k{number}"))

    full = True
    with pytest.raises(Refusal, match=r"store\.full"):
        fill()
    full = False
    assert Jobs(database).submit(CALLER, submission("after"))[1]
    database.close()


def test_sqlite_is_as_durable_as_it_must_be(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/loa.sqlite")
    with database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    database.close()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("port = 1", "settings.key"),
        ("[limits]\nupload_bytes = 0", "settings.value"),
        ("[limits]\nupload_bytes = 'x'", "settings.value"),
        ("[", "settings.toml"),
    ],
)
def test_settings_that_are_wrong_are_refused(tmp_path, text, kind):
    path = tmp_path / "SERVICE.toml"
    path.write_text(text)
    with pytest.raises(Refusal) as refused:
        load_settings(path)
    assert refused.value.kind == kind


def test_one_url_moves_everything_to_postgresql():
    settings = Settings(data="/x", database="postgresql://loa@db/loa", blobs="s3://b")
    assert settings.database_url == settings.queue_url == "postgresql+psycopg://loa@db/loa"
    assert Settings(data="/x").database_url == "sqlite:////x/loa.sqlite"
    assert Settings(data="/x").queue_url == "sqlite:////x/queue.sqlite"


def test_a_remembered_token_is_refused_once_it_ends(database, monkeypatch):
    monkeypatch.setattr(tokens_module, "_REMEMBERED_S", 1e9)
    tokens = Tokens(database, Limits())
    ended, rotated, expires = (tokens.create(name, ("read",)) for name in ("a", "b", "c"))
    ids = [tokens.caller(token).token_id for token in (ended, rotated, expires)]
    assert all(map(tokens.remembered, (ended, rotated, expires)))
    tokens.revoke(ids[0])
    fresh = tokens.rotate(ids[1], grace_s=0.0)
    for token in (ended, rotated):
        assert tokens.remembered(token) is None
        assert tokens.caller(token) is None
    assert tokens.caller(fresh)
    # One that is about to expire is remembered for no longer than that.
    short = tokens.create("d", ("read",), days=0.3 / 86_400)
    tokens.caller(short)
    wait_for(lambda: tokens.caller(short) is None, 60.0)
    assert tokens.is_familiar(expires)
    assert not tokens.is_familiar(expires[:-1])


QUEUE_THAT_FORGETS = """
import sys
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS

from loa.service import housekeeping
from loa.service.database import SmallCache
from loa.service.room import open_room
from loa.service.settings import load_settings

statements = set()
sa.event.listen(sa.Engine, "before_cursor_execute", lambda *given: statements.add(given[2]))
room = open_room(load_settings(None, Path(sys.argv[1])))
engine = {"connect_args": {"factory": SmallCache}}
DBOS(config={"name": "loa", "system_database_url": room.settings.queue_url,
             "log_level": "ERROR", "db_engine_kwargs": engine})

@DBOS.workflow()
def ended():
    return None

looked_at, list_workflows = [], DBOS.list_workflows

def listed(**asked):
    found = list_workflows(**asked)
    looked_at.append(len(found))
    return found

def forgotten(count):
    for _ in range(count):
        ended()
    return keeping.forget_ended(), len(list_workflows())

def deletions():
    return sum(text.startswith("DELETE") for text in statements)

DBOS.launch()
keeping = housekeeping.Housekeeping(room, "w0")
found = [*forgotten(3), deletions()]
housekeeping._ENDED_KEPT_S = -3600.0
housekeeping._FORGOTTEN_AT_ONCE = 2
DBOS.list_workflows = listed
found += [*forgotten(0), deletions(), *forgotten(5), deletions()]
DBOS.destroy()
room.close()
print(*found, max(looked_at))
"""


def test_the_queue_forgets_what_ended(tmp_path):
    """By the same statements, however much it is: each connection keeps 128 that it compiled.

    And a few at a time: memory stays as large as it was with the most of them.
    """
    command = [sys.executable, "-c", QUEUE_THAT_FORGETS, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    kept, kept_left, _, three, left, deletions, five, five_left, later, most = found.stdout.split()
    assert [kept, kept_left] == ["0", "3"]
    assert [three, left, five, five_left] == ["3", "0", "5", "0"]
    assert deletions == later != "0"
    assert most == "2"


def test_who_comes_alone_gets_the_connection_used_last(database):
    with contextlib.ExitStack() as crowd:
        for _ in range(3):
            crowd.enter_context(database.read())
    used = set()
    for _ in range(6):
        with database.read() as connection:
            used.add(id(connection.connection.dbapi_connection))
    assert len(used) == 1


def test_no_connection_gets_old(database):
    """Each keeps the last 128 statements that it has compiled, and pages: more every hour."""
    with database.read() as connection:
        raw = connection.connection.dbapi_connection
        connection.connection._connection_record.starttime -= 61.0
    with database.read() as connection:
        assert connection.connection.dbapi_connection is not raw


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_names_come_in_batches_of_one_length(count):
    names = [f"n{number}" for number in range(count)]
    batches = list(in_equal_batches(names, 10))
    assert all(len(batch) == 10 for batch in batches)
    assert list(dict.fromkeys(name for batch in batches for name in batch)) == names


def test_the_id_of_a_listed_job_is_in_one_piece(tmp_path, cheap_hashes, capsys):
    settings = load_settings(None, tmp_path)
    with contextlib.closing(open_room(settings)) as room:
        row, _ = room.jobs.submit(CALLER, submission(targets=("ip", "web", "fm")))
    operating.list_jobs(settings, None, 10, as_json=False)
    assert row["id"] in capsys.readouterr().out


def test_tokens_are_listed_with_times_that_anybody_reads(tmp_path, cheap_hashes, capsys):
    settings = load_settings(None, tmp_path)
    operating.create_token(settings, "platform", ("read",), (), 1.0, [])
    capsys.readouterr()
    operating.list_tokens(settings, as_json=True)
    told = json.loads(capsys.readouterr().out)
    created, ends = (datetime.fromisoformat(told[key]) for key in ("created_at", "expires_at"))
    assert ends - created == timedelta(days=1)
    assert told["created_at"].endswith("Z")
    assert told["revoked_at"] is None
