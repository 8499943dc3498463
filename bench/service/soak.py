"""A service under steady work for hours: whether it grows.

    python -m bench.service.soak [--minutes 120]

Bulletins of 2 s are handed in, looked at, fetched and deleted without a pause. Every 10 s the
memory and the open descriptors of the whole process tree are noted: resident memory without the
pages of files, which the kernel takes and brings as it likes. What forked workers share with their
nursery is counted with each of them: counted in proportion, memory would seem to grow for hours
while Python, counting references, makes such pages its own one by one; `in_proportion_mb_per_h`
tells how fast. The first quarter of an hour (at most half) is warm-up: decoders start on demand,
pools of connections and caches fill, and the queue comes to forget as many as are added. The row
gives the slope of the memory after it (least squares) with its standard error, and how many
descriptors the last quarter had (their median: a look may meet a decoder that is just being
replaced) beyond the most of the warm-up. One look resembles the next, so the error counts as many
looks as are worth independent ones (residuals as AR(1)). `slopes_mb_per_h` says which kind of
process it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.material import write_programme
from bench.own_memory import own_mb
from bench.row import row
from bench.service.process import serving, tree

_EVERY_S = 10.0
_WARM_S = 900.0
_MOST_MB_PER_H = 1.0
_SHARED = {"Pss_Anon", "Pss_Shmem", "SwapPss"}


@dataclass(frozen=True)
class Look:
    """What all processes of the service have at one moment."""

    at_s: float
    resident_mb: float
    in_proportion_mb: float
    descriptors: int
    by_kind_mb: dict[str, float]

    def told(self) -> str:
        """Return it in words."""
        memory = f"{self.resident_mb:.2f} MB, {self.in_proportion_mb:.2f} in proportion"
        return f"{self.at_s:.0f} s: {memory}, {self.descriptors} descriptors"


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
    warm = [look for look in looks if look.at_s < warm_s]
    steady = [look for look in looks if look.at_s >= warm_s]
    hours = np.array([look.at_s for look in steady]) / 3600
    slope, error = _slope(hours, np.array([look.resident_mb for look in steady]))
    shared_out = np.array([look.in_proportion_mb for look in steady])
    last = [look.descriptors for look in looks[-len(looks) // 4 :]]
    more = statistics.median_high(last) - max(look.descriptors for look in warm)
    found = row(
        f"soak of {minutes:g} min, {jobs} jobs: memory of all processes after warm-up",
        slope,
        "MB/h",
        f"≤ {_MOST_MB_PER_H:g}",
        ok=slope <= _MOST_MB_PER_H and more <= 0,
        standard_error=error,
        in_proportion_mb_per_h=_slope(hours, shared_out)[0],
        slopes_mb_per_h={
            kind: _slope(hours, np.array([look.by_kind_mb.get(kind, 0.0) for look in steady]))[0]
            for kind in steady[0].by_kind_mb
        },
        first_mb=looks[0].resident_mb,
        warm_mb=steady[0].resident_mb,
        last_mb=steady[-1].resident_mb,
        most_mb=max(look.resident_mb for look in steady),
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
) -> tuple[int, list[Look]]:
    began_s, looked_s, jobs = time.monotonic(), 0.0, 0
    looks: list[Look] = []
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
            looks.append(_look(now_s, process_id))
            print(f"{jobs} jobs, {looks[-1].told()}", file=sys.stderr)
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


def _look(at_s: float, process_id: int) -> Look:
    """Return what a process and all below it have."""
    by_kind_mb: defaultdict[str, float] = defaultdict(float)
    in_proportion_kb, descriptors = 0, 0
    for one in tree(process_id):
        place = Path(f"/proc/{one}")
        try:
            held_mb = own_mb(one)
            rollup = (place / "smaps_rollup").read_text(encoding="ascii")
            descriptors += len(list((place / "fd").iterdir()))
            kind = _kind(one, process_id)
        except OSError:  # a decoder that was just replaced
            continue
        by_kind_mb[kind] += held_mb
        lines = (line.partition(":") for line in rollup.splitlines())
        in_proportion_kb += sum(int(rest.split()[0]) for name, _, rest in lines if name in _SHARED)
    in_proportion_mb = in_proportion_kb * 1024 / 1e6
    return Look(at_s, sum(by_kind_mb.values()), in_proportion_mb, descriptors, dict(by_kind_mb))


def _kind(process_id: int, service: int) -> str:
    """Return what a process of the service is there for."""
    place = Path(f"/proc/{process_id}")
    command = (place / "cmdline").read_bytes()
    if process_id == service:
        return "api"
    if b"loa.service.gate" in command:
        return "gate"
    if b"loa.service.worker_process" in command:
        parent = int((place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
        return "nursery" if parent == service else "worker"
    return "decoder"


if __name__ == "__main__":
    sys.exit(main())
