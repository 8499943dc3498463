"""Killed at every named place, the service loses no acknowledged job and publishes each once."""

import collections
import json
import os
import random
import signal
import sys

import httpx
import pytest
import sqlalchemy as sa

from loa.service.database import Database
from loa.service.failpoints import PASSED, POINTS, VARIABLE
from loa.service.tables import AUDIT, JOBS
from tests.service.live import Live, child_of, children, ended, living, wait_for

# Where the API itself dies; everywhere else a worker does.
IN_API = ("submit.received", "submit.blob_kept", "submit.row_kept", "blob.sync")
IN_WORKER = tuple(point for point in POINTS if point not in IN_API)
SHORT_ABSENCE = "[worker]\nbeat_s = 0.3\ngone_after_s = 3.0\n"


def submit(service, content, key="killed"):
    with service.client() as client:
        return client.put(f"/v1/jobs/{key}", content=content, params={"targets": "ip"})


def numbered(bulletin, number):
    """Return a bulletin of its own for each number: the same bytes would not be worked on again."""
    return bulletin + number.to_bytes(4, "big")


def published(database, job_id=None):
    """Return how often each job, or one, was published."""
    query = sa.select(AUDIT.c.subject).where(AUDIT.c.action == "job.done")
    with database.read() as connection:
        found = collections.Counter(connection.execute(query).scalars())
    return found if job_id is None else found[job_id]


def armed(folder, point, times, wanted=""):
    """Put down `times` shots for `point`; return a function that tells whether all are used up."""
    shots = [folder / f"{point}.{number}" for number in range(times)]
    for shot in shots:
        shot.write_text(wanted)
    return lambda: not any(shot.exists() for shot in shots)


def require_whole(service, job_id):
    """Wait for a job that must be done, and fetch everything that it promises."""
    with service.client() as client:
        job = ended(client, job_id)
        assert job["state"] == "done", job["problem"]
        assert len(job["renditions"]) == 2
        for rendition in job["renditions"]:
            assert len(client.get(rendition["url"]).content) == rendition["size_bytes"]


def prepared(tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    config = tmp_path / "SERVICE.toml"
    config.write_text(SHORT_ABSENCE)
    return shots, {"config": config, "environment": {VARIABLE: str(shots)}}


def workers_killed(tmp_path, bulletin, points, times):
    """Kill the worker `times` at each of `points` while it has a job; return the hit table."""
    shots, options = prepared(tmp_path)
    with living(tmp_path / "data", **options) as service:
        jobs = []
        for point in points:
            spent = armed(shots, point, times)
            while not spent():  # a queued job that was begun is not handed over once more
                key = f"{point}-{len(jobs)}"
                answer = submit(service, numbered(bulletin, len(jobs)), key)
                jobs.append(answer.json()["id"])
                require_whole(service, jobs[-1])
    database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
    assert published(database) == dict.fromkeys(jobs, 1)
    database.close()
    return collections.Counter((shots / PASSED).read_text().split())


def api_killed(tmp_path, bulletin, points, times):
    """Kill the API `times` at each of `points` while it takes a job in; return the hit table."""
    shots, options = prepared(tmp_path)
    asked = [f"{point}-{time}" for point in points for time in range(times)]
    jobs = {}
    with living(tmp_path / "data", workers=False, **options) as service:
        for number, key in enumerate(asked):
            armed(shots, key.rpartition("-")[0], 1)
            with pytest.raises(httpx.TransportError):
                submit(service, numbered(bulletin, number), key)
            assert service.process.wait(30) == -signal.SIGKILL
            service.end()
            service.start()
            # What a caller does who got no answer: the same again, twice.
            answers = [submit(service, numbered(bulletin, number), key) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [202, 202]
            (jobs[key],) = {answer.json()["id"] for answer in answers}
    database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
    with database.read() as connection:
        kept = dict(connection.execute(sa.select(JOBS.c.key, JOBS.c.id)).all())
    assert kept == jobs
    with living(tmp_path / "data", **options) as service:
        for job_id in jobs.values():
            require_whole(service, job_id)
    assert published(database) == dict.fromkeys(jobs.values(), 1)
    database.close()
    return collections.Counter((shots / PASSED).read_text().split())


def show(capsys, what, table):
    """Print figures as `bench.long_tests` puts them together."""
    with capsys.disabled():
        sys.stdout.write("\n" + json.dumps({what: table}) + "\n")


@pytest.mark.parametrize("points", [IN_WORKER[:5], IN_WORKER[5:]])
def test_workers_killed_at_every_point(points, tmp_path, bulletin, capsys):
    passed = workers_killed(tmp_path, bulletin, points, 3)
    show(capsys, "passed, 3 of them kills", {point: passed[point] for point in points})
    assert all(passed[point] >= 3 for point in points)


def test_the_api_killed_at_every_point(tmp_path, bulletin, capsys):
    passed = api_killed(tmp_path, bulletin, IN_API, 3)
    show(capsys, "passed, 3 of them kills", {point: passed[point] for point in IN_API})
    assert all(passed[point] >= 3 for point in IN_API)


@pytest.mark.long
@pytest.mark.parametrize("number", range(5))  # a job stands eight crashes: four of them at a time
@pytest.mark.parametrize(
    ("kill", "points"), [(workers_killed, IN_WORKER), (api_killed, IN_API)], ids=["workers", "api"]
)
def test_killed_at_every_point_four_times_more(kill, points, number, tmp_path, bulletin, capsys):
    passed = kill(tmp_path, bulletin, points, 4)
    show(capsys, "kills at each place", dict.fromkeys(points, 4))
    show(capsys, "passed", {point: passed[point] for point in points})
    assert all(passed[point] >= 4 for point in points)


def kill_and_wait(service, module):
    """Kill the child that runs a module, and wait for its successor."""
    victim = wait_for(lambda: child_of(service.process.pid, module))
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: child_of(service.process.pid, module) not in {None, victim})


def killed_at_random(tmp_path, bulletin, kills, jobs_in_hand, seed=2026):
    """Kill workers, now and then nursery, gate or service, wherever they are; count the kills."""
    shots, options = prepared(tmp_path)
    dice = random.Random(seed)
    jobs, counts = [], collections.Counter()
    with living(tmp_path / "data", workers=2, **options) as service:
        for kill in range(kills):
            while len(jobs) < jobs_in_hand * (1 + kill // 12):
                answer = submit(service, numbered(bulletin, len(jobs)), f"job-{len(jobs)}")
                jobs.append(answer.json()["id"])
            # Not after a time but after some work: as many more places passed as the dice say.
            size = (shots / PASSED).stat().st_size + dice.randrange(1, 300)
            wait_for(
                lambda size=size: (
                    (shots / PASSED).stat().st_size >= size
                    or all(is_ended(service, job_id) for job_id in jobs)
                )
            )
            what = dice.choices(("worker", "nursery", "gate", "service"), (85, 5, 5, 5))[0]
            counts[what] += 1
            if what == "service":
                service.end(signal.SIGKILL)
                service.start()
            elif what == "worker":
                nursery = wait_for(lambda: child_of(service.process.pid, "worker_process"))
                os.kill(dice.choice(wait_for(lambda n=nursery: children(n))), signal.SIGKILL)
            else:
                kill_and_wait(service, {"nursery": "worker_process"}.get(what, what))
        for job_id in jobs:
            require_whole(service, job_id)
    database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
    assert published(database) == dict.fromkeys(jobs, 1)
    database.close()
    return dict(counts), len(jobs)


def is_ended(service, job_id):
    with service.client() as client:
        return client.get(f"/v1/jobs/{job_id}").json()["state"] == "done"


def test_killed_anywhere(tmp_path, bulletin, capsys):
    kills, jobs = killed_at_random(tmp_path, bulletin, 24, 4)
    show(capsys, "killed anywhere", kills | {"jobs": jobs})


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_a_hundred_times_more(seed, tmp_path, bulletin, capsys):
    kills, jobs = killed_at_random(tmp_path, bulletin, 100, 4, seed)
    show(capsys, "killed anywhere", kills | {"jobs": jobs})


def test_a_host_that_is_gone_for_ever_has_its_jobs_taken_over(tmp_path, bulletin, postgresql):
    """Two hosts with folders of their own and one PostgreSQL; the one that works dies for good."""
    shared = f'database = "{postgresql}"\nblobs = "file://{tmp_path}/shared"\n'
    shots, options = prepared(tmp_path)
    options["config"].write_text(shared + SHORT_ABSENCE)
    dead = armed(shots, "render.mastering", 1)
    with living(tmp_path / "first", **options) as first:
        job_id = submit(first, bulletin, "taken-over").json()["id"]
        wait_for(dead)
        first.end(signal.SIGKILL)
    second = Live(tmp_path / "second", config=options["config"])
    try:
        # The token of the first host's caller is good on every host.
        second.token = first.token
        require_whole(second, job_id)
    finally:
        second.end()
    database = Database(postgresql)
    assert published(database, job_id) == 1
    database.close()


def test_a_restore_without_the_queue_goes_on_with_every_open_job(tmp_path, bulletin):
    with living(tmp_path / "data", workers=False) as service:
        job_id = submit(service, bulletin, "restored").json()["id"]
    database = Database(f"sqlite:///{tmp_path}/data/loa.sqlite")
    with database.write() as connection:  # as if it had been handed over and then begun
        connection.execute(JOBS.update().values(state="running", handed_over=1))
    with living(tmp_path / "data") as service:
        require_whole(service, job_id)
    assert published(database, job_id) == 1
    database.close()
