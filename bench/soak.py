"""A service under steady work for hours: whether it grows.

    python -m bench.soak [--minutes 120]

Bulletins of 2 s are handed in, looked at, fetched and deleted without a pause. Every 10 s the
memory and the open descriptors of the whole process tree are noted: memory of these processes
alone (anonymous and shared, in proportion), for the share of a library that others use too grows
when they end. The first quarter of an hour (at most half) is warm-up: decoders start on demand,
pools of connections and caches fill. The row gives the slope of the memory after it (least squares)
with its standard error, and the most descriptors after it less the most before. One look resembles
the next, so the error counts as many looks as are worth independent ones (residuals as AR(1)).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.command import row
from bench.material import write_programme
from bench.service_process import serving, tree

_EVERY_S = 10.0
_WARM_S = 900.0
_MOST_MB_PER_H = 1.0
_OURS = ("Pss_Anon:", "Pss_Shmem:")


def main() -> int:
    """Run it and print its row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=120.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="loa-soak-") as name:
        folder = Path(name)
        content = write_programme(folder / "a.wav", seconds=2, channels=1).read_bytes()
        with serving(folder) as service:
            jobs, looks = _worked(service.client, content, service.process_id, minutes * 60)
    warm_s = min(_WARM_S, minutes * 30)
    warm = [look for look in looks if look[0] < warm_s]
    steady = [look for look in looks if look[0] >= warm_s]
    hours = np.array([look[0] for look in steady]) / 3600
    slope, error = _slope(hours, np.array([look[1] for look in steady]))
    more = max(look[2] for look in steady) - max(look[2] for look in warm)
    found = row(
        f"soak of {minutes:g} min, {jobs} jobs: memory of all processes after warm-up",
        slope,
        "MB/h",
        f"≤ {_MOST_MB_PER_H:g}",
        ok=slope <= _MOST_MB_PER_H and more <= 0,
        standard_error=error,
        first_mb=looks[0][1],
        warm_mb=steady[0][1],
        last_mb=steady[-1][1],
        most_mb=max(look[1] for look in steady),
        descriptors_more=more,
    )
    print(json.dumps(found, ensure_ascii=False))
    return 0 if found["ok"] else 1


def _slope(hours: np.ndarray, memory_mb: np.ndarray) -> tuple[float, float]:
    """Return the slope in MB/h and its standard error."""
    slope, level = np.polyfit(hours, memory_mb, 1)
    rest = memory_mb - (slope * hours + level)
    alike = float(np.clip(np.sum(rest[1:] * rest[:-1]) / np.sum(rest**2), 0.0, 0.99))
    independent = (1 + alike) / (1 - alike)
    variance = np.sum(rest**2) / (len(rest) - 2) * independent
    return float(slope), float(np.sqrt(variance / np.sum((hours - hours.mean()) ** 2)))


def _worked(
    client: httpx.Client, content: bytes, process_id: int, seconds: float
) -> tuple[int, list[tuple[float, float, int]]]:
    began_s, looked_s, jobs = time.monotonic(), 0.0, 0
    looks: list[tuple[float, float, int]] = []
    while (now_s := time.monotonic() - began_s) < seconds:
        body = content + jobs.to_bytes(4, "big")
        job_id = _asked(client, "PUT", f"/v1/jobs/k{jobs}", content=body)["id"]
        while (job := _asked(client, "GET", f"/v1/jobs/{job_id}"))["state"] != "done":
            time.sleep(0.02)
        for rendition in job["renditions"]:
            _asked(client, "GET", rendition["url"])
        _asked(client, "DELETE", f"/v1/jobs/{job_id}")
        jobs += 1
        if now_s - looked_s >= _EVERY_S:
            looked_s = now_s
            looks.append((now_s, *_size(process_id)))
            print(
                f"{looks[-1][0]:.0f} s {jobs} jobs {looks[-1][1]:.2f} MB {looks[-1][2]}",
                file=sys.stderr,
            )
    return jobs, looks


def _asked(client: httpx.Client, method: str, url: str, **given: Any) -> Any:
    """Return what is answered; the same is asked again where a connection was just closed."""
    while True:
        try:
            answer = client.request(method, url, **given)
        except httpx.TransportError:
            continue
        if answer.status_code != 404:  # as when what is deleted again is gone
            answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else None


def _size(process_id: int) -> tuple[float, int]:
    """Return memory of its own in MB and open descriptors of a process and all below it."""
    memory_kb, descriptors = 0, 0
    for one in tree(process_id):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
            descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
        except OSError:  # a decoder that was just replaced
            continue
        words = [line.split() for line in rollup.splitlines()[1:]]
        memory_kb += sum(int(word[1]) for word in words if word[0] in _OURS)
    return memory_kb / 1024, descriptors


if __name__ == "__main__":
    sys.exit(main())
