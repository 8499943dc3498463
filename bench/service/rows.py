"""The service over a real port: how soon a bulletin is done, how many, and how it answers."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.material import write_programme
from bench.process_timing import LOA
from bench.row import row
from bench.service.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from bench.service.process import Served

_POLL_S = 0.01
_BATCH, _BATCH_S = 6, 120
_TARGETS = "ip,web,fm"
_SLOW, _SAME_KEY = 5_000, 1_000
_CALLS = 400
# The senders have one address; that they may be so many is what is measured.
_A_CROWD_FROM_HERE = f"[incoming]\nconnections_per_address = {2 * _SLOW}\n"


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time jobs from the last byte; every run is a job of other bytes."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        config = folder / "SERVICE.toml"
        config.write_text(_A_CROWD_FROM_HERE)
        with serving(folder, ["--config", str(config)]) as service:
            yield from _timed(service.client, folder, runs)
            yield from _throughput(service.client, folder)
            yield _one_key(service, folder)
            yield slow_senders(service, runs)


def _timed(client: httpx.Client, folder: Path, runs: int) -> Iterator[dict[str, Any]]:
    bulletin = write_programme(folder / "long.wav", seconds=300, channels=1).read_bytes()
    urgent = write_programme(folder / "short.wav", seconds=30, channels=1).read_bytes()
    whole_s, first_s = [], []
    for run in range(runs):
        whole_s.append(_job(client, f"long-{run}", bulletin + b"%d" % run, _TARGETS)[0])
        first_s.append(_job(client, f"urgent-{run}", urgent + b"%d" % run, "ip", "emergency")[1])
    found = (
        ("5 min bulletin, all renditions, last byte to done", statistics.median(whole_s), 10.0),
        ("30 s emergency, first rendition", statistics.median(first_s), 1.5),
    )
    for work, value, most in found:
        yield row(work, value, "s wall", f"≤ {most:g}", ok=value <= most, runs=runs)


def _job(
    client: httpx.Client, key: str, content: bytes, targets: str, priority: str = "normal"
) -> tuple[float, float]:
    """Return seconds from the answer to the end and to the first rendition."""
    given = {"targets": targets, "priority": priority}
    job_id = client.put(f"/v1/jobs/{key}", content=content, params=given).json()["id"]
    began, first_s = time.monotonic(), None
    while True:
        job = client.get(f"/v1/jobs/{job_id}").json()
        now = time.monotonic()
        if first_s is None and job["renditions"]:
            first_s = now - began
        if job["state"] not in ("queued", "running"):
            assert job["state"] == "done", job["problem"]
            return now - began, first_s or now - began
        time.sleep(_POLL_S)


def _throughput(client: httpx.Client, folder: Path) -> Iterator[dict[str, Any]]:
    """Work off a batch with all workers, and as much with the command on one core."""
    cores = sorted(os.sched_getaffinity(0))
    path = write_programme(folder / "batch.wav", seconds=_BATCH_S, channels=1)
    began_s = time.monotonic()
    for target, suffixes in (("ip", ("opus", "mp3")), ("web", ("m4a",)), ("fm", ("flac",))):
        outputs = [word for suffix in suffixes for word in ("-o", f"{folder}/o.{suffix}")]
        command = ["taskset", "-c", str(cores[-1]), LOA, "master", str(path), "--target", target]
        subprocess.run([*command, *outputs], check=True, capture_output=True)
    alone = 1 / (time.monotonic() - began_s)
    content, answers_s = path.read_bytes(), []
    began_s = time.monotonic()
    given = {"targets": _TARGETS}
    waiting = {
        client.put(f"/v1/jobs/batch-{n}", content=content + b"%d" % n, params=given).json()["id"]
        for n in range(_BATCH * len(cores))
    }
    while waiting:
        for job_id in list(waiting):
            asked_s = time.monotonic()
            job = client.get(f"/v1/jobs/{job_id}").json()
            answers_s.append(time.monotonic() - asked_s)
            if job["state"] == "done":
                waiting.discard(job_id)
            time.sleep(_POLL_S)
    rate = _BATCH * len(cores) / (time.monotonic() - began_s)
    ratio = rate / alone / len(cores)
    yield row(
        f"{_BATCH * len(cores)} jobs of {_BATCH_S} s, all renditions, over cores × `loa master`",
        rate,
        "jobs/s",
        "≥ 0.9",
        ok=ratio >= 0.9,
        peer="loa master, one core",
        peer_value=alone,
        ratio=ratio,
        runs=1,
    )
    late_s = sorted(answers_s)[int(0.99 * len(answers_s))]
    yield row(
        "status call while all workers are busy, p99",
        late_s,
        "s wall",
        "≤ 0.05",
        ok=late_s <= 0.05,
        runs=len(answers_s),
    )


def _one_key(service: Served, folder: Path) -> dict[str, Any]:
    content = write_programme(folder / "one.wav", seconds=2, channels=1).read_bytes()
    head = (
        f"PUT /v1/jobs/one-key HTTP/1.1\r\nHost: loa\r\nAuthorization: Bearer {service.token}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    began_s = time.monotonic()
    answers = asyncio.run(_all_at_once(service.url, head.encode() + content, _SAME_KEY))
    bodies = {answer.partition(b"\r\n\r\n")[2] for answer in answers}
    accepted = sum(answer.startswith(b"HTTP/1.1 202") for answer in answers)
    equal = len({body[:40] for body in bodies}) == 1 and accepted == _SAME_KEY
    return row(
        f"{_SAME_KEY} submissions of one key at once, all answered alike",
        time.monotonic() - began_s,
        "s wall",
        f"{_SAME_KEY} × 202, one id",
        ok=equal,
        accepted=accepted,
        runs=1,
    )


async def _all_at_once(url: str, request: bytes, count: int) -> list[bytes]:
    place = urlsplit(url)

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    return await asyncio.gather(*(ask() for _ in range(count)))


def slow_senders(service: Served, runs: int) -> dict[str, Any]:
    """Hold thousands of half-sent requests open, and look how the others are served meanwhile."""
    command = [
        sys.executable,
        "-m",
        "bench.service.slow_senders",
        service.url,
        service.token,
        str(_SLOW),
    ]
    before_s, during_s, longest_s = [], [], []
    for _ in range(runs):
        before_s.append(_call_p99_s(service.client))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as senders:
            during_s.append(_call_p99_s(service.client, senders))
            longest_s.append(float(senders.communicate()[0]))
    ratios = [during / before for during, before in zip(during_s, before_s, strict=True)]
    return row(
        f"{_SLOW} slow heads and bodies, longest until closed; worst p99 of others over before",
        max(longest_s),
        "s wall",
        "≤ 10; ≤ 2 ×",
        ok=max(longest_s) <= 10.0 and max(ratios) <= 2.0,
        peer="p99 before, s",
        peer_value=statistics.median(before_s),
        ratio=max(ratios),
        ratios=ratios,
        runs=runs,
    )


def _call_p99_s(client: httpx.Client, others: subprocess.Popen[str] | None = None) -> float:
    """Call so many times, and for as long as the others are at it."""
    took_s: list[float] = []
    while len(took_s) < _CALLS or (others is not None and others.poll() is None):
        asked_s = time.monotonic()
        client.get("/v1/jobs", params={"limit": 1}).raise_for_status()
        took_s.append(time.monotonic() - asked_s)
        time.sleep(_POLL_S)
    return sorted(took_s)[int(0.99 * len(took_s))]
