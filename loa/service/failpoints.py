"""Named places where a test kills the process, to see that nothing acknowledged is lost.

Outside tests the environment names none and `failpoint` does nothing. LOA_FAILPOINT=NAME kills this
process with SIGKILL when it first comes to NAME; the file LOA_FAILPOINT_MARK, made at that moment,
keeps the next process from dying at the same place. LOA_FAILPOINT_LOG collects every name passed.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "submit.received",
    "submit.blob_kept",
    "submit.row_kept",
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


def failpoint(name: str) -> None:
    """Die here if a test asked for it."""
    assert name in POINTS
    log = os.environ.get("LOA_FAILPOINT_LOG")
    if log:
        _append(log, name)
    if os.environ.get("LOA_FAILPOINT") == name and _first_time(os.environ["LOA_FAILPOINT_MARK"]):
        os.kill(os.getpid(), signal.SIGKILL)


def _append(path: str, name: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(descriptor, name.encode() + b"\n")
    os.close(descriptor)


def _first_time(mark: str) -> bool:
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True
