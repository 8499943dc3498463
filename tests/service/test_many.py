"""A thousand callers with one key, and senders who never get to the end."""

import asyncio
from urllib.parse import urlsplit

import httpx

from tests.service.live import DEADLINE_S, ended, living

MANY, SLOW = 1_000, 300


def gathered(url, request, count):
    """Send `request` on `count` connections at once; return what came back on each."""
    place = urlsplit(url)
    at_once = asyncio.Semaphore(200)

    async def ask():
        async with at_once:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b"reset"
        finally:
            writer.close()

    async def all_of_them():
        return await asyncio.wait_for(asyncio.gather(*(ask() for _ in range(count))), DEADLINE_S)

    return asyncio.run(all_of_them())


def head_of(service, method, path, *lines):
    said = (f"{method} {path} HTTP/1.1", "Host: loa", f"Authorization: Bearer {service.token}")
    return "\r\n".join((*said, *lines)).encode()


def test_a_thousand_submissions_of_one_key_are_one_job(service, client, bulletin):
    content = bulletin + b"a thousand"
    head = head_of(
        service,
        "PUT",
        "/v1/jobs/a-thousand",
        f"Content-Length: {len(content)}",
        "Connection: close",
    )
    answers = gathered(service.url, head + b"\r\n\r\n" + content, MANY)
    assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 202 Accepted"}
    ids = {httpx.Response(202, content=a.partition(b"\r\n\r\n")[2]).json()["id"] for a in answers}
    assert len(ids) == 1
    job = ended(client, ids.pop())
    assert (job["state"], job["attempt"]) == ("done", 1)
    mine = [j for j in client.get("/v1/jobs").json()["jobs"] if j["key"] == "a-thousand"]
    assert len(mine) == 1


def test_the_same_bytes_under_many_keys_are_all_done_alike(client, bulletin):
    content = bulletin + b"many keys"
    ids = [client.put(f"/v1/jobs/alike-{n}", content=content).json()["id"] for n in range(5)]
    jobs = [ended(client, job_id) for job_id in ids]
    assert {job["state"] for job in jobs} == {"done"}
    assert all(job["renditions"] == jobs[0]["renditions"] for job in jobs)


def test_slow_heads_and_bodies_are_closed_and_others_served(tmp_path):
    config = tmp_path / "SERVICE.toml"
    config.write_text("[limits]\nreceive_s = 1.0\n")
    with living(tmp_path / "data", config=config, workers=False) as service:
        heads = gathered(service.url, head_of(service, "GET", "/v1/jobs"), SLOW)
        assert set(heads) <= {b"", b"reset"}
        body = head_of(service, "PUT", "/v1/jobs/slow", "Content-Length: 100000")
        bodies = gathered(service.url, body + b"\r\n\r\nRIFF", SLOW)
        assert {answer.split(b"\r\n", 1)[0] for answer in bodies} == {
            b"HTTP/1.1 408 Request Timeout"
        }
        with service.client() as client:
            assert client.get("/v1/jobs").json()["jobs"] == []
    assert not list((tmp_path / "data" / "blobs" / "parts").iterdir())
