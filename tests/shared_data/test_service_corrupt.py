"""Every file of the corrupt set through the service: an answer for each, and it goes on serving."""

import httpx

from tests.service.live import ended, living
from tests.shared_data.conftest import DATA


def test_every_corrupt_file_is_done_or_a_typed_problem(tmp_path):
    files = sorted(path for path in (DATA / "corrupt").iterdir() if path.is_file())
    assert len(files) > 40
    with living(tmp_path / "data") as service, service.client() as client:
        sent = []
        for number, path in enumerate(files):
            answer = client.put(f"/v1/jobs/corrupt-{number}", content=path.read_bytes())
            assert answer.status_code == (202 if path.stat().st_size else 422), path.name
            if answer.status_code == 202:
                sent.append((path.name, answer.json()["id"]))
        for name, job_id in sent:
            job = ended(client, job_id)
            if job["state"] != "done":
                assert job["state"] == "failed", name
                assert job["problem"]["kind"].startswith("audio."), (name, job["problem"])
            assert job["attempt"] == 1
        assert httpx.get(f"{service.url}/readyz").json()["status"] == "ok"
        assert not [line for line in service.log if '"bug"' in line or "Traceback" in line]
