"""Killed at every named place, the service loses no acknowledged job and publishes each once."""

import collections
import json
import signal
import sys

import httpx
import pytest
import sqlalchemy as sa

from loa.service.database import Database
from loa.service.failpoints import POINTS
from loa.service.tables import AUDIT, JOBS
from tests.service.live import Live, ended, living, wait_for

IN_API = tuple(point for point in POINTS if point.startswith("submit."))
EVERY_RUN = ("submit.row_kept", "render.encoding")
SHORT_ABSENCE = "[worker]\nbeat_s = 0.3\ngone_after_s = 3.0\n"


def submit(service, content, key="killed"):
    with service.client() as client:
        return client.put(f"/v1/jobs/{key}", content=content, params={"targets": "ip"})


def published(database, job_id):
    query = sa.select(sa.func.count()).where(
        AUDIT.c.subject == job_id, AUDIT.c.action == "job.done"
    )
    with database.read() as connection:
        return connection.execute(query).scalar_one()


def killed_at(point, folder, bulletin):
    """Kill a service at `point` in the middle of a job; return the names that were passed."""
    mark, log = folder / "mark", folder / "passed"
    environment = {
        "LOA_FAILPOINT": point,
        "LOA_FAILPOINT_MARK": str(mark),
        "LOA_FAILPOINT_LOG": str(log),
    }
    config = folder / "SERVICE.toml"
    config.write_text(SHORT_ABSENCE)
    with living(folder / "data", config=config, environment=environment) as service:
        if point in IN_API:
            with pytest.raises(httpx.TransportError):
                submit(service, bulletin)
            assert service.process.wait(30) == -signal.SIGKILL
            service.end()
            service.start()
        # What a caller does who got no answer: the same again.
        answer = submit(service, bulletin)
        assert answer.status_code == 202
        job_id = answer.json()["id"]
        with service.client() as client:
            job = ended(client, job_id)
            assert job["state"] == "done"
            assert len(job["renditions"]) == 2
            for rendition in job["renditions"]:
                assert client.get(rendition["url"]).status_code == 200
    assert mark.exists(), f"never came to {point}"
    database = Database(f"sqlite:///{folder}/data/loa.sqlite")
    assert published(database, job_id) == 1
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(JOBS)).scalar_one() == 1
    database.close()
    return collections.Counter(log.read_text().split())


@pytest.mark.parametrize("point", EVERY_RUN)
def test_killed_and_nothing_lost(point, tmp_path, bulletin):
    assert killed_at(point, tmp_path, bulletin)[point] >= 1


@pytest.mark.long
@pytest.mark.parametrize("run", range(3))
def test_killed_at_every_point(run, tmp_path, bulletin, capsys):
    table = {}
    for point in POINTS:
        folder = tmp_path / point
        folder.mkdir()
        table[point] = killed_at(point, folder, bulletin)[point]
    with capsys.disabled():
        sys.stdout.write(json.dumps({"run": run, "kills_survived": table}) + "\n")
    assert all(hits >= 1 for hits in table.values())


def test_a_host_that_is_gone_for_ever_has_its_jobs_taken_over(tmp_path, bulletin, postgresql):
    """Two hosts with folders of their own and one PostgreSQL; the one that works dies for good."""
    shared = f'database = "{postgresql}"\nblobs = "file://{tmp_path}/shared"\n'
    config = tmp_path / "SERVICE.toml"
    config.write_text(shared + SHORT_ABSENCE)
    dying = {
        "LOA_FAILPOINT": "render.mastering",
        "LOA_FAILPOINT_MARK": str(tmp_path / "mark"),
    }
    with living(tmp_path / "first", config=config, environment=dying) as first:
        job_id = submit(first, bulletin, "taken-over").json()["id"]
        wait_for((tmp_path / "mark").exists)
        first.end(signal.SIGKILL)
    second = Live(tmp_path / "second", config=config)
    try:
        # The token of the first host's caller is good on every host.
        second.token = first.token
        with second.client() as client:
            assert ended(client, job_id)["state"] == "done"
    finally:
        second.end()
    database = Database(postgresql)
    assert published(database, job_id) == 1
    database.close()


@pytest.mark.long
def test_a_restore_without_the_queue_goes_on_with_every_open_job(tmp_path, bulletin):
    environment = {
        "LOA_FAILPOINT": "submit.row_kept",
        "LOA_FAILPOINT_MARK": str(tmp_path / "mark"),
    }
    with living(tmp_path / "data", environment=environment) as service:
        with pytest.raises(httpx.TransportError):
            submit(service, bulletin, "restored")
        service.process.wait(30)
        service.end()
        database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
        with database.write() as connection:  # as if it had been handed over and then begun
            connection.execute(JOBS.update().values(state="running", handed_over=1))
            job_id = connection.execute(sa.select(JOBS.c.id)).scalar_one()
        for path in tmp_path.glob("data/queue.sqlite*"):
            path.unlink()
        service.start()
        with service.client() as client:
            assert ended(client, job_id)["state"] == "done"
        assert published(database, job_id) == 1
        database.close()
