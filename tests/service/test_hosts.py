"""Several hosts on PostgreSQL and S3, and a release that finds the jobs of the one before."""

import sqlalchemy as sa
from dbos import DBOSClient

from loa.service.database import Database
from loa.service.settings import load_settings
from loa.service.tables import JOBS
from loa.service.work import FORMER_VERSIONS
from tests.service.live import living
from tests.service.test_killed import numbered, published, require_whole, submit


def test_two_hosts_share_postgresql_and_s3(tmp_path, bulletin, postgresql, bucket):
    """One takes in, the other works with two processes; both give out what was made."""
    config = tmp_path / "SERVICE.toml"
    config.write_text(f'database = "{postgresql}"\nblobs = "{bucket}"\n')
    with (
        living(tmp_path / "first", config=config, workers=False) as first,
        living(tmp_path / "second", config=config, workers=2) as second,
    ):
        second.token = first.token
        jobs = [submit(first, numbered(bulletin, n), f"shared-{n}").json()["id"] for n in range(4)]
        for job_id in jobs:
            require_whole(first, job_id)
            require_whole(second, job_id)
    database = Database(postgresql)
    assert published(database) == dict.fromkeys(jobs, 1)
    database.close()


def test_an_upgrade_strands_no_job(tmp_path, bulletin):
    """A job that the release before had queued for workers with other steps."""
    with living(tmp_path / "data", workers=False) as service:
        job_id = submit(service, bulletin, "old").json()["id"]
    with living(tmp_path / "data"):
        pass  # makes the queue's tables; the job may be done already, and is set back
    settings = load_settings(None, tmp_path / "data")
    database = Database(settings.database_url)
    with database.write() as connection:
        connection.execute(
            JOBS.update().values(
                state="queued", attempt=2, handed_over=2, renditions=[], ended_at=None
            )
        )
        connection.execute(sa.text("DELETE FROM results"))
        connection.execute(sa.text("DELETE FROM audit"))
    client = DBOSClient(system_database_url=settings.queue_url)
    options = {
        "workflow_name": "job",
        "queue_name": "bulletins",
        "workflow_id": f"{job_id}.2",
        "app_version": FORMER_VERSIONS[0],
    }
    client.enqueue(options, job_id, 2, "bulletins")
    client.destroy()
    with living(tmp_path / "data") as service:
        require_whole(service, job_id)
    assert published(database, job_id) == 1
    database.close()
