"""Progress as server-sent events: every change once, resumable, bounded, ended by the job's end."""

import json

import httpx
import pytest

from loa.service import events
from loa.service.settings import Settings
from tests.service.inside import MADE, inside


@pytest.fixture(scope="module")
def service(tmp_path_factory, cheap_hashes):
    settings = Settings(data=str(tmp_path_factory.mktemp("events")))
    with inside(settings) as running:
        yield running


class Stream:
    """Reads one stream of events; `next` is (id, job)."""

    def __init__(self, client, job_id, known=None):
        headers = {"Last-Event-ID": known} if known else {}
        self._context = client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers)
        self.answer = self._context.__enter__()
        self._lines = self.answer.iter_lines()

    def next(self):
        found = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            found[name] = value
            if not line and "data" in found:
                assert found["event"] == "job"
                return found["id"], json.loads(found["data"])
        return None

    def close(self):
        self._context.__exit__(None, None, None)


def submit(client, key):
    return client.put(f"/v1/jobs/{key}", content=b"sound" + key.encode()).json()["id"]


def test_every_change_is_told_until_the_end(service):
    with service.client() as client:
        job_id = submit(client, "told")
        stream = Stream(client, job_id)
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.next()[1]["state"] == "queued"
        service.room.jobs.begin(job_id, 1)
        assert stream.next()[1]["state"] == "running"
        service.room.jobs.advance(job_id, 1, "ip: encoding")
        assert stream.next()[1]["stage"] == "ip: encoding"
        service.room.jobs.publish(job_id, 1, MADE)
        last, job = stream.next()
        assert (job["state"], job["renditions"]) == ("done", MADE)
        assert stream.next() is None  # and the stream has ended
        stream.close()
        again = client.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": last})
        assert (again.status_code, again.content) == (204, b"")


def test_whoever_comes_back_hears_nothing_twice_and_misses_nothing(service):
    with service.client() as client:
        job_id = submit(client, "back")
        stream = Stream(client, job_id)
        known, _ = stream.next()
        stream.close()
        service.room.jobs.begin(job_id, 1)
        service.room.jobs.advance(job_id, 1, "ip: measuring")
        assert service.room.jobs.publish(job_id, 1, MADE)
        later = Stream(client, job_id, known)
        assert later.next()[1]["state"] == "done"
        assert later.next() is None
        later.close()
        unknown = Stream(client, job_id, "from another life")
        assert unknown.next()[1]["state"] == "done"
        unknown.close()


def test_a_known_state_is_not_told_again(service):
    with service.client() as client:
        job_id = submit(client, "same")
        first = Stream(client, job_id)
        known, _ = first.next()
        first.close()
        stream = Stream(client, job_id, known)
        service.room.jobs.begin(job_id, 1)
        assert stream.next()[1]["state"] == "running"
        service.room.jobs.cancel("x", job_id)
        assert stream.next()[1]["state"] == "cancelled"
        stream.close()


def test_a_deleted_job_ends_its_stream(service):
    with service.client() as client:
        job_id = submit(client, "deleted")
        stream = Stream(client, job_id)
        stream.next()
        with service.room.database.write() as connection:
            service.room.jobs._forget(connection, service.room.jobs.get(job_id))
        assert stream.next() is None
        stream.close()


def test_only_the_owner_listens(service):
    with service.client() as client, service.client(owner="other") as other:
        job_id = submit(client, "mine")
        assert other.get(f"/v1/jobs/{job_id}/events").status_code == 404
        assert other.get(f"/v1/jobs/{job_id}/events").json()["kind"] == "job.unknown"


def test_streams_are_bounded_and_given_back(service, monkeypatch):
    monkeypatch.setattr(events, "_MOST_OF_ONE", 2)
    token = service.token()
    with service.client(token) as client:
        job_id = submit(client, "bounded")
        streams = [Stream(client, job_id) for _ in range(2)]
        for stream in streams:
            stream.next()
        refused = client.get(f"/v1/jobs/{job_id}/events")
        assert (refused.status_code, refused.json()["kind"]) == (429, "request.too_many")
        service.end(job_id)
        for stream in streams:
            assert stream.next()[1]["state"] in {"running", "done"}
            while stream.next():
                pass
            stream.close()
        assert client.get(f"/v1/jobs/{job_id}/events").status_code == 200


def test_many_listeners_cost_one_query_a_look(service, monkeypatch):
    looks = []
    plain = events.Watch._read
    monkeypatch.setattr(
        events.Watch, "_read", lambda self, ids: looks.append(len(ids)) or plain(self, ids)
    )
    with service.client() as client:
        ids = [submit(client, f"many-{number}") for number in range(10)]
        streams = [Stream(client, job_id) for job_id in ids]
        for stream in streams:
            stream.next()
        for job_id in ids:
            service.end(job_id)
        for stream in streams:
            while stream.next():
                pass
            stream.close()
        assert max(looks) > 1  # one a stream would read one id each time


def test_what_was_answered_and_what_waits_is_counted(service):
    with service.client() as client:
        submit(client, "counted")
        client.get("/v1/jobs/job_" + "0" * 24)
        said = httpx.get(f"{service.url}/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in said.splitlines() if not line.startswith("#"))
    assert float(lines['loa_http_answers_total{method="PUT",status="202"}']) >= 1
    assert float(lines['loa_http_answers_total{method="GET",status="404"}']) >= 1
    assert float(lines['loa_jobs{state="queued"}']) >= 1
    assert float(lines["loa_queued_oldest_seconds"]) > 0
    assert float(lines["loa_tokens_in_force"]) >= 1
    assert float(lines["loa_webhooks_waiting"]) == 0
