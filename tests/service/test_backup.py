"""A backup of a running service, and a service from it that loses nothing and finishes the rest."""

import json

import httpx
import pytest

from loa import cli
from loa.service.settings import Settings
from loa.service.tables import JOBS
from tests.service.inside import inside
from tests.service.live import ended, living


@pytest.fixture
def original(tmp_path, cheap_hashes):
    with inside(Settings(data=str(tmp_path / "data"))) as running:
        yield running


def test_a_service_from_a_backup_has_every_job_and_does_the_waiting_ones(
    original, bulletin, tmp_path, capsys
):
    kept = original.token()
    with original.client(kept) as client:
        done_id = client.put("/v1/jobs/done", content=bulletin + b"done").json()["id"]
        original.end(done_id)
        waiting_id = client.put("/v1/jobs/waiting", content=bulletin).json()["id"]
    with original.room.database.write() as connection:  # in a queue that the copy will lack
        connection.execute(
            JOBS.update().where(JOBS.c.id == waiting_id).values(handed_over=1, state="running")
        )
    data, copy = tmp_path / "data", tmp_path / "copy"
    assert cli.run(["jobs", "backup", str(copy), "--data", str(data)]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["blobs"], told["audit_lines"] >= 3) == (2, True)
    assert cli.run(["jobs", "backup", str(copy), "--data", str(data)]) == 2  # never over another
    with living(copy) as restored, restored.client(kept) as client:
        assert client.get(f"/v1/jobs/{done_id}").json()["state"] == "done"
        digest = client.get(f"/v1/jobs/{waiting_id}").json()["sha256"]
        assert client.get(f"/v1/blobs/{digest}").content == bulletin
        job = ended(client, waiting_id)
        assert (job["state"], len(job["renditions"])) == ("done", 2)
        trace = job["renditions"][0]["loudness"]
        assert trace["target_lufs"] == -16.0
        assert len(trace["before"]) <= 200
        listed = client.get("/v1/jobs").json()["jobs"]
        assert all("loudness" not in made for one in listed for made in one["renditions"])
        assert httpx.get(f"{restored.url}/readyz").status_code == 200
        assert restored.end() == 0  # SIGTERM: drained, not just dead
    assert cli.run(["jobs", "audit", "--data", str(copy)]) == 0


def test_a_service_elsewhere_names_its_own_tools(tmp_path, capsys):
    config = tmp_path / "SERVICE.toml"
    config.write_text(f'data = "{tmp_path}/data"\nblobs = "s3://bulletins"\n')
    assert cli.run(["jobs", "backup", str(tmp_path / "copy"), "--config", str(config)]) == 2
    assert "pg_dump" in capsys.readouterr().err
