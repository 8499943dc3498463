"""Named places where a test kills the process or fails a call, to see that nothing is lost.

Outside tests the environment names no folder and `failpoint` does nothing. LOA_FAILPOINTS=FOLDER
names one: a file `NAME.ANYTHING` in it is used up by the first process that comes to NAME. An empty
one kills that process with SIGKILL; one that holds the name of an errno (ENOSPC, EIO) is raised as
that OSError. `passed` in it collects every name passed.
"""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

POINTS = (
    "submit.received",
    "submit.blob_kept",
    "submit.row_kept",
    "blob.sync",
    "handover.enqueued",
    "job.begun",
    "job.fetched",
    "render.measuring",
    "render.mastering",
    "render.encoding",
    "render.proving",
    "render.blob_kept",
    "publish.before",
    "publish.kept",
)
VARIABLE, PASSED = "LOA_FAILPOINTS", "passed"


def failpoint(name: str) -> None:
    """Die or fail here if a test asked for it."""
    assert name in POINTS
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return
    _append(Path(folder) / PASSED, name)
    for armed in sorted(Path(folder).glob(f"{name}.*")):
        try:
            wanted = armed.read_text("ascii").strip()
            armed.unlink()
        except FileNotFoundError:  # another process was here first
            continue
        if not wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, wanted)
        raise OSError(number, os.strerror(number))


def _append(path: Path, name: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(descriptor, name.encode() + b"\n")
    os.close(descriptor)
