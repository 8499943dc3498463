"""The API over a real port: contract.md, idempotence, ranges, tokens, limits, hostile callers."""

import hashlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import soundfile as sf

from loa import cli
from loa.service.routes import byte_range
from tests.service.live import ended, wait_for
from transmit.profile import load_profile

PROBLEM = "application/problem+json"


def put(client, key, content, **parameters):
    return client.put(f"/v1/jobs/{key}", content=content, params=parameters)


def make_token(capsys, service, *arguments):
    code = cli.run(["token", "create", *arguments, "--data", str(service.data)])
    assert code == 0
    return json.loads(capsys.readouterr().out)["token"]


@pytest.fixture(scope="session")
def finished(service, bulletin):
    with service.client() as client:
        answer = put(client, "finished", bulletin, targets="fm,ip,web")
        assert answer.status_code == 202
        job = ended(client, answer.json()["id"])
        assert job["state"] == "done", job
        return job


def test_a_job_gives_the_renditions_of_its_targets_with_their_proof(finished, client, tmp_path):
    made = [(r["target"], r["codec"], r["bit_rate_bps"] > 0) for r in finished["renditions"]]
    assert made == [
        ("ip", "opus", True),
        ("ip", "mp3", True),
        ("web", "aac", True),
        ("fm", "flac", True),
    ]
    for rendition in finished["renditions"]:
        content = client.get(rendition["url"]).content
        assert hashlib.sha256(content).hexdigest() == rendition["sha256"]
        assert len(content) == rendition["size_bytes"]
        assert rendition["holds"]
        ceiling_dbtp = load_profile(rendition["target"]).target.ceiling_dbtp
        assert rendition["after"]["true_peak_dbtp"] <= ceiling_dbtp
    path = tmp_path / "fm.flac"
    path.write_bytes(content)
    assert sf.info(path).duration == pytest.approx(2.0, abs=1e-3)


def test_the_same_key_and_bytes_are_the_same_job(finished, client, bulletin):
    again = put(client, "finished", bulletin, targets="ip,web,fm")
    assert (again.status_code, again.json()["id"]) == (202, finished["id"])


def test_the_same_key_with_other_bytes_is_a_conflict(finished, client, bulletin):
    answer = put(client, "finished", bulletin + b"\0", targets="ip,web,fm")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert answer.json()["kind"] == "job.conflict"


def test_the_same_bytes_under_another_key_are_not_worked_on_again(finished, client, bulletin):
    answer = put(client, "finished-twin", bulletin, targets="ip,web,fm").json()
    assert answer["state"] == "done"
    assert answer["id"] != finished["id"]
    twin = client.get(f"/v1/jobs/{answer['id']}").json()
    assert twin["renditions"] == finished["renditions"]


def test_ranges_are_parts_of_the_file(finished, client):
    url = finished["renditions"][0]["url"]
    whole = client.get(url)
    part = client.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = client.get(url, headers={"Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.headers["content-type"]) == (416, PROBLEM)
    known = client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (None, (0, 1000)),
        ("bytes=0-", (0, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=10-5000", (10, 1000)),
        ("bytes=9-3", (0, 1000)),
        ("bytes=0-1,5-6", (0, 1000)),
        ("metres=0-1", (0, 1000)),
        ("bytes=-", (0, 1000)),
    ],
)
def test_ranges_as_rfc_9110_reads_them(span, expected):
    assert byte_range(span, 1000) == expected


def test_a_hundred_submissions_under_one_key_are_one_run(service, bulletin):
    content = bulletin[:44] + bulletin[44:][::-1]  # other bytes than any other test sends
    with service.client(limits=httpx.Limits(max_connections=100)) as client:
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _: put(client, "crowd", content), range(120)))
        assert {answer.status_code for answer in answers} == {202}
        ids = {answer.json()["id"] for answer in answers}
        assert len(ids) == 1
        job = ended(client, ids.pop())
    assert (job["state"], job["attempt"]) == ("done", 1)
    assert sum(job["id"] in line and '"begun"' in line for line in service.log) == 1


def test_hostile_bytes_fail_with_a_problem_that_says_what_to_do(client, bulletin):
    hostile = {
        "noise": bytes(range(256)) * 40,
        "cut": bulletin[: len(bulletin) // 2],
        "lie": bulletin[:24] + b"\xff\xff\xff\x7f" + bulletin[28:],
        "text": b"<html>no audio</html>" * 10,
        "flac": b"fLaC" + b"\0" * 500,
    }
    ids = {
        name: put(client, f"hostile-{name}", body).json()["id"] for name, body in hostile.items()
    }
    for name, job_id in ids.items():
        job = ended(client, job_id)
        assert job["state"] == "failed", name
        assert job["problem"]["kind"].startswith("audio."), (name, job["problem"])
        assert job["problem"]["try"]


def test_a_failed_job_is_retried_as_another_attempt_and_deleted_for_good(client):
    job_id = put(client, "retried", b"no audio at all" * 9).json()["id"]
    first = ended(client, job_id)
    assert client.post(f"/v1/jobs/{job_id}/retry").status_code == 202
    second = ended(client, job_id)
    assert (first["attempt"], second["attempt"], second["state"]) == (1, 2, "failed")
    url = f"/v1/blobs/{first['sha256']}"
    assert client.get(url).status_code == 200
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert client.get(url).status_code == 404
    assert client.get(f"/v1/jobs/{job_id}").status_code == 404


def test_a_done_job_cannot_be_cancelled(finished, client):
    answer = client.post(f"/v1/jobs/{finished['id']}/cancel")
    assert (answer.status_code, answer.json()["kind"]) == (409, "job.state")


def test_deleting_a_job_leaves_the_bytes_that_another_one_needs(service, bulletin):
    content = bulletin + b"LIST\4\0\0\0INFO"
    with service.client() as client:
        first = put(client, "shared-1", content).json()["id"]
        done = ended(client, first)
        second = put(client, "shared-2", content).json()
        assert second["state"] == "done"
        assert client.delete(f"/v1/jobs/{first}").status_code == 204
        assert client.get(done["renditions"][0]["url"]).status_code == 200


def test_nothing_is_told_to_callers_without_a_token(service, finished):
    for token in ("nonsense", "loa_x_y", service.token[:-1], service.token + "x"):
        with service.client(token) as client:
            for path in ("/v1/jobs", f"/v1/jobs/{finished['id']}"):
                answer = client.get(path)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == PROBLEM


def test_callers_see_their_own_jobs_and_zones_only(capsys, service, finished, bulletin):
    other = make_token(capsys, service, "other")
    with service.client(other) as client:
        assert client.get(f"/v1/jobs/{finished['id']}").status_code == 404
        assert client.get(finished["renditions"][0]["url"]).status_code == 404
        assert client.get("/v1/jobs").json()["jobs"] == []
    zoned = make_token(capsys, service, "first", "--zone", "tri-ton")
    with service.client(zoned) as client:
        assert client.get(f"/v1/jobs/{finished['id']}").status_code == 404
        assert put(client, "zoned", bulletin, zone="chau-doc").status_code == 403
        assert put(client, "zoned", bulletin, zone="tri-ton").status_code == 202


def test_a_token_does_what_its_scopes_say(capsys, service, bulletin, finished):
    reading = make_token(capsys, service, "first", "--scope", "read")
    with service.client(reading) as client:
        assert client.get(f"/v1/jobs/{finished['id']}").status_code == 200
        assert put(client, "never", bulletin).status_code == 403
        assert client.delete(f"/v1/jobs/{finished['id']}").status_code == 403


def test_limits_of_a_token_hold(capsys, service, bulletin):
    small = make_token(capsys, service, "small", "--limit", "upload_bytes=1000")
    with service.client(small) as client:
        answer = put(client, "big", bulletin)
        assert (answer.status_code, answer.json()["kind"]) == (413, "request.too_large")
    seldom = make_token(capsys, service, "seldom", "--limit", "requests_per_minute=3")
    with service.client(seldom) as client:
        statuses = [client.get("/v1/jobs").status_code for _ in range(5)]
        assert statuses[:3] == [200, 200, 200]
        assert statuses[-1] == 429
        assert client.get("/v1/jobs").headers["retry-after"] == "1"
    short = make_token(capsys, service, "short", "--limit", "decoded_s=1")
    with service.client(short) as client:
        job = ended(client, put(client, "long", bulletin + b"JUNK").json()["id"])
        assert job["problem"]["kind"] == "audio.too_long"
    full = make_token(capsys, service, "full", "--limit", "stored_bytes=1000")
    with service.client(full) as client:
        assert put(client, "one", bulletin).json()["kind"] == "request.storage"


def test_a_revoked_token_ends(capsys, service):
    token = make_token(capsys, service, "gone")
    with service.client(token) as client:
        assert client.get("/v1/jobs").status_code == 200
        token_id = token.split("_")[1]
        assert cli.run(["token", "revoke", token_id, "--data", str(service.data)]) == 0
        wait_for(lambda: client.get("/v1/jobs").status_code == 401, 10.0)


def test_tokens_are_not_in_the_data_folder(service):
    secret = service.token.split("_", 2)[2].encode()
    for path in service.data.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()


def test_the_audit_log_holds_and_shows_a_change(capsys, service, finished):
    assert cli.run(["jobs", "audit", "--data", str(service.data)]) == 0
    assert json.loads(capsys.readouterr().out)["audit_lines"] > 3


def slow(service, first, rest):
    """Send `first`, then dribble `rest`; return what came back and after how long."""
    address = httpx.URL(service.url)
    with socket.create_connection((address.host, address.port), timeout=30) as line:
        began = time.monotonic()
        line.sendall(first)
        pause = threading.Event()
        back = b""
        line.settimeout(0.2)
        while True:
            try:
                piece = line.recv(4096)
                back += piece
                if not piece:
                    return back, time.monotonic() - began
            except TimeoutError:
                line.sendall(rest)
            except OSError:
                return back, time.monotonic() - began
            pause.wait(0.05)


def test_slow_senders_are_sent_away_within_ten_seconds(service):
    head = f"PUT /v1/jobs/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.token}\r\n"
    senders = {
        "head": (b"GET /healthz HTTP/1.1\r\nX-A: ", b"a"),
        "body": (head.encode() + b"Content-Length: 100000\r\n\r\n", b"b"),
        # Enough for the application to look at the request: it refuses a stranger at once, and
        # the pace of somebody known after `receive_s` more.
        "unknown": (
            b"PUT /v1/jobs/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + bytes(4096),
            b"c",
        ),
        "begun": (head.encode() + b"Content-Length: 100000\r\n\r\n" + bytes(4096), b"d"),
    }
    with ThreadPoolExecutor(len(senders)) as pool:
        found = dict(
            zip(
                senders,
                pool.map(lambda parts: slow(service, *parts), senders.values()),
                strict=True,
            )
        )
    assert all(took_s <= 10.0 for _, took_s in found.values()), found
    assert found["head"][0] == b""
    for slow_one in ("body", "begun"):
        assert found[slow_one][0].startswith(b"HTTP/1.1 408 "), found
        assert b"request.too_slow" in found[slow_one][0]
    assert b" 401 " in found["unknown"][0]


def test_health_readiness_and_metrics_need_no_token(service):
    assert httpx.get(f"{service.url}/healthz").json()["status"] == "ok"
    assert httpx.get(f"{service.url}/readyz").json()["parts"] == {"database": "ok", "disk": "ok"}
    assert 'loa_jobs{state="done"}' in httpx.get(f"{service.url}/metrics").text


def test_a_method_that_a_path_has_not_is_answered_with_those_it_has(client):
    answer = client.request("OPTIONS", "/v1/jobs/job_" + "0" * 24)
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    assert client.put("/v1/jobs/empty", content=b"").json()["kind"] == "request.invalid"
