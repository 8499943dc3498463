"""A child that misbehaves on request: the file's extension says how.

Locked in like the real one.
"""

import ctypes
import json
import mmap
import os
import socket
import subprocess
import threading
from pathlib import Path

from ingest.decode.audio_format import AudioFormat
from ingest.decode.child import run

FORMAT = AudioFormat("wav", "pcm_16", 8_000, 1, "int16", None, None)
_LIBC = ctypes.CDLL(None, use_errno=True)


def _must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


PROBES = {
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "write a file": lambda: _write(f"/tmp/loa-probe-{os.getpid()}"),  # noqa: S108 - it must fail
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "list a folder": lambda: next(Path("/").iterdir()),
    "remove a file": lambda: Path("/etc/none").unlink(),
    "exec": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - it must fail
    "fork": os.fork,
    "spawn": lambda: subprocess.run(["/bin/true"], check=True),
    "thread": lambda: threading.Thread(target=int).start(),
    "ptrace": lambda: _must(_LIBC.ptrace(16, os.getpid(), 0, 0)),
    "kill": lambda: os.kill(os.getpid(), 0),
    "more rights": lambda: _must(_LIBC.prctl(4, 1, 0, 0, 0)),
    "executable memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
}


def _succeeded(probe):
    try:
        probe()
    except (OSError, RuntimeError):
        return False
    return True


class HostileSource:
    """Sends one block, then does what `how` says."""

    def __init__(self, how):
        self.format = FORMAT
        self._how = how
        self._calls = 0

    def read_into(self, view):
        self._calls += 1
        if self._how == ".probe":
            return self._report(view)
        if self._how == ".endless":
            return len(view) // 2
        if self._calls == 1:
            view[:200] = bytes(200)
            return 100
        if self._how == ".trickle":
            threading.Event().wait(0.1)
            return int(self._calls < 100)
        return self._misbehave(len(view))

    def _report(self, view):
        if self._calls > 1:
            return 0
        through = [name for name, probe in PROBES.items() if _succeeded(probe)]
        text = json.dumps({"through": through, "tried": len(PROBES)}).ljust(2_000).encode()
        view[:2_000] = text
        return 1_000

    def _misbehave(self, room):
        if self._how == ".hang":
            threading.Event().wait()
        if self._how == ".spin":
            while True:
                pass
        if self._how == ".crash":
            ctypes.string_at(0)
        if self._how == ".hog":
            hoard = [bytearray(1 << 20) for _ in range(100_000)]
            return len(hoard)
        if self._how == ".lie":
            return room
        raise ValueError(self._how)

    def close(self):
        pass


def main(*numbers):
    run(lambda _descriptor, suffix: HostileSource(suffix), *numbers)
