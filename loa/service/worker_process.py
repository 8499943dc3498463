"""One worker process and the supervisor that keeps several of them alive.

A worker ends with its supervisor, takes the first free executor name of its host (a locked file
says which are taken, so that no two live processes ever share one) and drains on SIGTERM.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from loa.service.settings import Settings, as_text, private_folder, settings_of

if TYPE_CHECKING:
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MOST_SLOTS = 256
_RESTART_PAUSE_S = 1.0
_NICENESS = 5  # answering callers comes before working for them


def main() -> None:
    """Run one worker until SIGTERM; the settings come as JSON in the first argument."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    settings = settings_of(sys.argv[1])
    if os.getppid() != int(sys.argv[2]):
        return  # the supervisor was gone before we asked to go with it
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.nice(_NICENESS)
    from loa.service.log import configure_log
    from loa.service.room import host_id, open_room
    from loa.service.work import Worker

    configure_log()
    room = open_room(settings)
    lock, slot = _take_slot(private_folder(settings.data_folder / "executors"))
    worker = Worker(room, f"{host_id(settings)}-{slot}")
    worker.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    stop.wait()
    worker.stop()
    room.close()
    os.close(lock)


class Supervisor:
    """Starts worker processes and replaces those that die; belongs to the main thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._count = settings.worker.processes or len(os.sched_getaffinity(0))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._started = threading.Event()
        self._stop = threading.Event()
        # The workers end with the thread that started them, so that thread lives as long as we do.
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start the workers; returns when they are ready to work."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Let the workers end the job in hand, and wait for them."""
        self._stop.set()
        self._thread.join()

    @property
    def process_ids(self) -> list[int]:
        """Ids of the worker processes."""
        return [process.pid for process in self._processes]

    def _supervise(self) -> None:
        self._processes = [self._spawn() for _ in range(self._count)]
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.readline()
        self._started.set()
        while not self._stop.wait(0.1):
            for slot, process in enumerate(self._processes):
                if process.poll() is not None and not self._stop.wait(_RESTART_PAUSE_S):
                    self._processes[slot] = self._spawn()
        self._end_all()

    def _end_all(self) -> None:
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + self._settings.worker.drain_s + 5
        for process in self._processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = "from loa.service.worker_process import main; main()"
        given = [as_text(self._settings), str(os.getpid())]
        return subprocess.Popen(
            [sys.executable, "-c", command, *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )


def _take_slot(folder: Path) -> tuple[int, int]:
    """Return an open, locked descriptor and the number of the slot it stands for."""
    for slot in range(_MOST_SLOTS):
        descriptor = os.open(folder / str(slot), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return descriptor, slot
    raise RuntimeError("more workers than slots on this host")
