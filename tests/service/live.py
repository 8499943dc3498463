"""A service as its users have it: its own process, a real port, real workers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
DEADLINE_S = 240.0  # kernels may have to be compiled first, on a busy machine


class Live:
    """`loa serve` on a free port over `data`; may be killed and started again."""

    def __init__(
        self, data: Path, *, config: Path | None = None, environment=None, workers=1, within=()
    ):
        self.data = data
        self.workers = ["--workers", str(workers)] if workers else ["--no-workers"]
        self.config = config
        self.within = list(within)  # the start of a command that runs the rest of it
        self.environment = environment or {}
        self.ready = data.parent / f"{data.name}-ready.json"
        self.start()

    def start(self):
        """Start it in a group of its own, which ends with us, however we end."""
        self.ready.unlink(missing_ok=True)
        command = [
            *ENDS_WITH_US,
            *self.within,
            sys.executable,
            "-m",
            "loa",
            "serve",
            "--port",
            "0",
            *self.workers,
        ]
        command += ["--data", str(self.data), "--ready-file", str(self.ready)]
        if self.config:
            command += ["--config", str(self.config)]
        self.process = subprocess.Popen(
            command,
            env=os.environ | self.environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.log = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            wait_for(lambda: self.ready.exists() or self.process.poll() is not None)
            assert self.process.poll() is None, "\n".join(self.log)
        except BaseException:
            self.kill_all()
            self.process.wait()
            self._reader.join(DEADLINE_S)
            self.process.stderr.close()
            raise
        told = json.loads(self.ready.read_text())
        self.url, self.token = told["url"], told["token"]

    def client(self, token=None, **options):
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=DEADLINE_S, **options)

    def end(self, number=signal.SIGTERM):
        """End it, and wait until everybody of it is gone; return its exit code."""
        try:
            self.process.send_signal(number)
            code = self.process.wait(DEADLINE_S)
            self._reader.join(DEADLINE_S)  # the workers hold the other end until they are gone
            assert not self._reader.is_alive(), "somebody of the service is left"
        finally:
            self.kill_all()
        self.process.stderr.close()
        return code

    def kill_all(self):
        """Kill whoever is left of the group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _read_log(self):
        self.log.extend(line.rstrip() for line in self.process.stderr)


@contextlib.contextmanager
def living(data, **options):
    service = Live(data, **options)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end()


def wait_for(condition, deadline_s=DEADLINE_S):
    """Poll until `condition` is true; a deadline, not a guess, ends it."""
    until = time.monotonic() + deadline_s
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < until, "nothing came within the deadline"
        pause.wait(0.02)
    return found


def ended(client, job_id):
    """Wait for the end of a job and return it."""

    def look():
        job = client.get(f"/v1/jobs/{job_id}").json()
        return job if job["state"] in {"done", "failed", "cancelled"} else None

    return wait_for(look)


def children(process_id):
    """Return the ids of a process's children."""
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    with contextlib.suppress(FileNotFoundError):  # it is gone meanwhile, and so are they
        return [int(word) for task in tasks for word in task.read_text("ascii").split()]
    return []


def child_of(process_id, module):
    """Return the child that runs a module of the service, None for none."""
    for child in children(process_id):
        with contextlib.suppress(FileNotFoundError):
            if f"loa.service.{module} " in Path(f"/proc/{child}/cmdline").read_text("utf-8"):
                return child
    return None
