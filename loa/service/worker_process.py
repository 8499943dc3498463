"""Worker processes: a supervisor in the service, a nursery, and the workers that it forks.

Loading libraries and kernels takes a second of CPU time. The nursery does it once, before it has
any thread, and forks the workers from there: one that died is back at once, and they share that
memory. Everybody ends with its parent. A worker takes the first free executor name of its host (a
locked file says which are taken, so that no two live processes ever share one) and drains on
SIGTERM.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from typing import IO, TYPE_CHECKING

from dsp.errors import Refusal
from loa.service.memory import Tidying, keep_heaps_small, settle_names
from loa.service.parent import end_with
from loa.service.settings import Settings, as_text, private_folder, settings_of

if TYPE_CHECKING:
    from pathlib import Path

_MOST_SLOTS = 256
_LOOK_EVERY_S = 0.05
# Workers that die young one after the other are replaced at ever longer intervals: something is
# wrong with the host.
_YOUNG_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 0.05, 0.5
_PAUSE_S = 1.0
_READY = b"ready\n"
# Answering callers comes before working for them.
_NICENESS = 5
# Threads that come out of a kernel want the interpreter back: at Python's 5 ms three targets side
# by side take 6.0 s for a 5-minute bulletin on two cores, at this 4.8 s.
_SWITCH_S = 0.0005
# In the environment of a nursery that has compiled: it does not begin again twice.
_COMPILED = "LOA_KERNELS_COMPILED"
_LIBRARIES = ("alembic.config", "dbos", "loa.service.room", "loa.service.work", "obstore.store")


def main() -> None:
    """Run the nursery until SIGTERM; settings as JSON and the parent's id are its arguments."""
    end_with(int(sys.argv[2]))
    settings = settings_of(sys.argv[1])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the service will ask us to drain
    keep_heaps_small()
    for library in _LIBRARIES:
        importlib.import_module(library)
    from loa.service.render import load_kernels

    load_kernels()
    begin_again_without_compiler()
    settle_names()
    os.nice(_NICENESS)
    gc.freeze()  # what the workers share stays shared
    Nursery(settings).run(stop)


def begin_again_without_compiler() -> None:
    """Start this program once more where kernels had to be compiled, as after an upgrade.

    They are in the cache now; what the compiler leaves in memory, 120 MB, would be in every worker.
    """
    if "numba" in sys.modules and _COMPILED not in os.environ:
        os.execve(sys.executable, sys.orig_argv, os.environ | {_COMPILED: "1"})  # noqa: S606


class Nursery:
    """Forks as many workers as the settings say, and a new one for each that dies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._count = settings.worker.processes or len(os.sched_getaffinity(0))
        self._born_s: dict[int, float] = {}
        self._next_s, self._pause_s = 0.0, _FIRST_PAUSE_S
        self._ready, self._say_ready = os.pipe()
        os.set_blocking(self._ready, False)

    def run(self, stop: threading.Event) -> None:
        """Keep the workers alive until `stop`, then let them end the job in hand."""
        ready = 0
        while True:
            self._bury()
            while len(self._born_s) < self._count and time.monotonic() >= self._next_s:
                self._fork()
            if ready < self._count:
                ready += self._newly_ready()
                if ready >= self._count:
                    sys.stdout.buffer.write(_READY)
                    sys.stdout.buffer.flush()
            if stop.wait(_LOOK_EVERY_S):
                break
        self._end_all()

    def _fork(self) -> None:
        me = os.getpid()
        worker = os.fork()
        if worker:
            self._born_s[worker] = time.monotonic()
            return
        code = 1
        try:
            end_with(me)
            run_worker(self._settings, self._say_ready)
            code = 0
        except BaseException:  # noqa: BLE001 - a fork must not come back into its parent's frames
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _bury(self) -> None:
        while self._born_s:
            worker, _ = os.waitpid(-1, os.WNOHANG)
            if not worker:
                return
            now_s = time.monotonic()
            if now_s - self._born_s.pop(worker) < _YOUNG_S:
                self._next_s = now_s + self._pause_s
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            else:
                self._pause_s = _FIRST_PAUSE_S

    def _newly_ready(self) -> int:
        try:
            return len(os.read(self._ready, _MOST_SLOTS))
        except BlockingIOError:
            return 0

    def _end_all(self) -> None:
        for worker in self._born_s:
            os.kill(worker, signal.SIGTERM)
        deadline_s = time.monotonic() + self._settings.worker.drain_s + 5
        while self._born_s and time.monotonic() < deadline_s:
            self._bury()
            time.sleep(_LOOK_EVERY_S)
        for worker in self._born_s:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)


def run_worker(settings: Settings, say_ready: int) -> None:
    """Work until SIGTERM; a byte goes to the descriptor `say_ready` when work has begun."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    sys.setswitchinterval(_SWITCH_S)
    from loa.service.log import configure_log
    from loa.service.room import host_id, open_room
    from loa.service.work import Worker

    configure_log()
    room = open_room(settings)
    lock, slot = _take_slot(private_folder(settings.data_folder / "executors"))
    worker = Worker(room, f"{host_id(settings)}-{slot}")
    worker.start()
    tidying = Tidying()
    tidying.start()
    os.write(say_ready, b"r")
    stop.wait()
    worker.stop()
    tidying.stop()
    room.close()
    os.close(lock)


class Supervisor:
    """Starts the nursery and replaces it should it die; belongs to the main thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started = threading.Event()
        self._is_well = False
        self._stop = threading.Event()
        # The nursery ends with the thread that started it, so that thread lives as long as we do.
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start the workers; returns when they are ready to work.

        Raises
        ------
        Refusal
            `service.workers` if their nursery ended before any was ready.
        """
        self._thread.start()
        self._started.wait()
        if not self._is_well:
            self._thread.join()
            raise Refusal(
                "service.workers",
                expected="workers that start",
                got="a nursery that ended before they were ready",
                advice="what it said above tells why; `loa doctor` looks for what is missing",
                exit_code=3,
            )

    def stop(self) -> None:
        """Let the workers end the job in hand, and wait for them."""
        self._stop.set()
        self._thread.join()

    def _supervise(self) -> None:
        nursery, said = self._spawn()
        self._is_well = said.readline() == _READY
        self._started.set()
        if not self._is_well:
            nursery.wait()
            said.close()
            return
        while not self._stop.wait(_LOOK_EVERY_S):
            if nursery.poll() is not None and not self._stop.wait(_PAUSE_S):
                said.close()
                nursery, said = self._spawn()
        nursery.terminate()
        try:
            nursery.wait(self._settings.worker.drain_s + 10)
        except subprocess.TimeoutExpired:
            nursery.kill()
            nursery.wait()
        said.close()

    def _spawn(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        command = "from loa.service.worker_process import main; main()"
        given = [as_text(self._settings), str(os.getpid())]
        nursery = subprocess.Popen(
            [sys.executable, "-c", command, *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # No thread may exist when workers are forked, OpenBLAS's neither.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert nursery.stdout is not None
        return nursery, nursery.stdout


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
