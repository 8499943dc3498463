"""Full disks, failing disks, locked databases: a typed answer, nothing lost, well by itself."""

import contextlib
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from loa.service.database import Database
from loa.service.failpoints import VARIABLE
from tests.service.live import ended, living, wait_for
from tests.service.test_killed import (
    armed,
    numbered,
    prepared,
    published,
    require_whole,
    submit,
)

# A disk of the service's own in memory, in a mount namespace of its own, of which the service sees
# data and temporary folder; outsiders reach it through /proc.
MOUNT = 'mount -t tmpfs -o size=24m none "$0" && mkdir "$0/tmp" && exec "$@"'
FREE_BYTES = (0, 150_000, 400_000, 800_000)


@contextlib.contextmanager
def on_a_small_disk(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    within = ["unshare", *rights, "--mount", "sh", "-c", MOUNT, str(data)]
    with living(data, within=within, environment={"TMPDIR": str(data / "tmp")}) as service:
        yield service, Path(f"/proc/{service.process.pid}/root{data}")


def fill(disk, free_bytes):
    """Leave so many bytes free; return what takes the rest."""
    filler = disk / "filler"
    left = shutil.disk_usage(disk).free - free_bytes
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 20)))
    return filler


@pytest.mark.parametrize("free_bytes", FREE_BYTES)
def test_a_full_disk_refuses_or_waits(free_bytes, tmp_path, bulletin):
    """The more room is left, the later the write that fails: body, row, queue, spool, files."""
    with on_a_small_disk(tmp_path) as (service, disk):
        filler = fill(disk, free_bytes)
        answer = submit(service, bulletin)
        assert answer.status_code in {202, 507}, answer.text
        if free_bytes == 0:
            assert answer.status_code == 507
        if answer.status_code == 507:
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["kind"] == "store.full"
        until = time.monotonic() + 5
        with service.client() as client:  # long enough to try; no verdict hangs on it
            wait_for(
                lambda: (
                    time.monotonic() > until
                    or answer.status_code == 507
                    or client.get(f"/v1/jobs/{answer.json()['id']}").json()["state"] == "done"
                )
            )
            assert not client.get("/v1/jobs", params={"state": "failed"}).json()["jobs"]
        filler.unlink()
        again = submit(service, bulletin)
        assert again.status_code == 202
        require_whole(service, again.json()["id"])


def test_a_sync_that_fails_is_not_acknowledged(tmp_path, bulletin):
    shots, options = prepared(tmp_path)
    with living(tmp_path / "data", workers=False, **options) as service:
        for time_ in range(3):  # of the file, of its folder, of the folder above
            spent = armed(shots, "blob.sync", 1, "EIO")
            answer = submit(service, numbered(bulletin, time_), f"k{time_}")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert spent()
            assert submit(service, numbered(bulletin, time_), f"k{time_}").status_code == 202


def test_a_sync_that_fails_while_working_is_tried_again(tmp_path, bulletin):
    shots, options = prepared(tmp_path)
    with living(tmp_path / "data", **options) as service:
        jobs, spent = [], armed(shots, "render.blob_kept", 2, "EIO")
        while not spent():
            answer = submit(service, numbered(bulletin, len(jobs)), f"k{len(jobs)}")
            jobs.append(answer.json()["id"])
            require_whole(service, jobs[-1])
    database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
    assert published(database) == dict.fromkeys(jobs, 1)
    database.close()


def locked_for(seconds, tmp_path, bulletin):
    """Lock both databases while one job is in hand and others are handed in."""
    shots = tmp_path / "shots"
    shots.mkdir()
    data = tmp_path / "data"
    with living(data, environment={VARIABLE: str(shots)}) as service:
        first = submit(service, bulletin, "before").json()["id"]
        wait_for(lambda: "render.measuring" in (shots / "passed").read_text())
        with contextlib.ExitStack() as locks:
            for name in ("loa.sqlite", "queue.sqlite"):
                lock = sqlite3.connect(data / name, timeout=60, isolation_level=None)
                locks.callback(lock.close)
                lock.execute("BEGIN IMMEDIATE")
            until = time.monotonic() + seconds
            refused = 0
            while time.monotonic() < until:
                answer = submit(service, numbered(bulletin, 1), "during")
                assert answer.status_code == 503
                assert answer.json()["kind"] == "store.busy"
                assert int(answer.headers["Retry-After"]) > 0
                refused += 1
            assert refused
            with service.client() as client:  # who only looks is not kept waiting
                assert client.get(f"/v1/jobs/{first}").status_code == 200
        second = submit(service, numbered(bulletin, 1), "during").json()["id"]
        with service.client() as client:
            assert ended(client, first)["state"] == ended(client, second)["state"] == "done"
    database = Database(f"sqlite:///{data}/loa.sqlite")
    assert published(database) == {first: 1, second: 1}
    database.close()


def test_locked_databases(tmp_path, bulletin):
    locked_for(10, tmp_path, bulletin)


@pytest.mark.long
def test_databases_locked_for_a_minute(tmp_path, bulletin):
    locked_for(60, tmp_path, bulletin)
