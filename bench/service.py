"""The service over a real port: how soon a bulletin is done, and how it answers meanwhile."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bench.command import LOA, row
from bench.material import write_programme

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_S = 0.01
_START_S = 300.0


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Time jobs from the last byte; every run is a job of other bytes."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as name:
        folder = Path(name)
        ready = folder / "ready.json"
        command = [str(LOA), "serve", "--port", "0", "--data", str(folder / "data")]
        with subprocess.Popen(
            [*command, "--ready-file", str(ready)], stderr=subprocess.DEVNULL
        ) as service:
            try:
                yield from _timed(_client(ready), folder, runs)
            finally:
                service.terminate()


def _client(ready: Path) -> httpx.Client:
    until = time.monotonic() + _START_S
    while not ready.exists() and time.monotonic() < until:
        time.sleep(_POLL_S)
    told = json.loads(ready.read_text())
    headers = {"Authorization": f"Bearer {told['token']}"}
    return httpx.Client(base_url=told["url"], headers=headers, timeout=60)


def _timed(client: httpx.Client, folder: Path, runs: int) -> Iterator[dict[str, Any]]:
    bulletin = write_programme(folder / "long.wav", seconds=300, channels=1).read_bytes()
    urgent = write_programme(folder / "short.wav", seconds=30, channels=1).read_bytes()
    whole_s, first_s, status_s = [], [], []
    for run in range(runs):
        end_s, _, answers_s = _job(client, f"long-{run}", bulletin + b"%d" % run, "ip,web,fm")
        whole_s.append(end_s)
        status_s += answers_s
        first_s.append(_job(client, f"urgent-{run}", urgent + b"%d" % run, "ip", "emergency")[1])
    found = (
        ("5 min bulletin, all renditions, last byte to done", statistics.median(whole_s), 10.0),
        ("30 s emergency, first rendition", statistics.median(first_s), 1.5),
        ("status call while working, p99", sorted(status_s)[int(0.99 * len(status_s))], 0.05),
    )
    for work, value, most in found:
        yield row(work, value, "s wall", f"≤ {most:g}", ok=value <= most, runs=runs)


def _job(
    client: httpx.Client, key: str, content: bytes, targets: str, priority: str = "normal"
) -> tuple[float, float, list[float]]:
    """Return seconds to the end and to the first rendition, and those of each status call."""
    given = {"targets": targets, "priority": priority}
    job_id = client.put(f"/v1/jobs/{key}", content=content, params=given).json()["id"]
    began, first_s, answers_s = time.monotonic(), None, []
    while True:
        asked = time.monotonic()
        job = client.get(f"/v1/jobs/{job_id}").json()
        now = time.monotonic()
        answers_s.append(now - asked)
        if first_s is None and job["renditions"]:
            first_s = now - began
        if job["state"] not in ("queued", "running"):
            assert job["state"] == "done", job["problem"]
            return now - began, first_s or now - began, answers_s
        time.sleep(_POLL_S)
