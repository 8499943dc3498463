"""A service of its own for a bench: started, called, ended."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bench.process_timing import LOA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_POLL_S = 0.01
_START_S = 300.0


@dataclass(frozen=True)
class Served:
    """A running service."""

    client: httpx.Client
    process_id: int
    url: str
    token: str


@contextlib.contextmanager
def serving(folder: Path, options: Sequence[str] = ()) -> Iterator[Served]:
    """Run `loa serve` with its data in `folder`."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)  # of a service before
    command = [LOA, "serve", "--port", "0", "--data", str(folder / "data"), *options]
    with subprocess.Popen(
        [*command, "--ready-file", str(ready)], stderr=subprocess.DEVNULL
    ) as service:
        try:
            until_s = time.monotonic() + _START_S
            while not ready.exists() and time.monotonic() < until_s:
                time.sleep(_POLL_S)
            told = json.loads(ready.read_text())
            headers = {"Authorization": f"Bearer {told['token']}"}
            with httpx.Client(base_url=told["url"], headers=headers, timeout=300) as client:
                yield Served(client, service.pid, told["url"], told["token"])
        finally:
            service.terminate()


def tree(process_id: int) -> list[int]:
    """Return a process and all below it."""
    found = [process_id]
    for one in found:
        for file in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(word) for word in file.read_text(encoding="ascii").split()]
    return found
