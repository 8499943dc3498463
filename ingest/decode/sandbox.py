"""Locks a process in, after it has loaded its libraries and before it sees a byte from outside.

In this order, because each step takes away what an earlier one needs: descriptors closed, network
namespace of its own, away from root, limits on memory, files, size and processes, end with the
parent, no core dump and no ptrace, no new privileges, no path of the file system (`landlock.py`),
and last the system-call filter (`seccomp.py`), after which nothing can be opened any more.

What a kernel or container does not grant is left out of the returned names and shown by
`loa doctor`; decoding goes on behind what remains.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.decode import landlock, seccomp

if TYPE_CHECKING:
    from collections.abc import Callable

# linux/prctl.h and linux/sched.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_NOBODY = 65_534
_SPARE_DESCRIPTORS = 8

BARRIERS = (
    "own_network_namespace",
    "not_root",
    "resource_limits",
    "ends_with_parent",
    "not_dumpable",
    "no_new_privileges",
    "landlock",
    "system_call_filter",
)


def lock_down(*, keep: tuple[int, ...], parent_id: int, memory_bytes: int, cpu_s: int) -> list[str]:
    """Drop everything that decoding does not need; return the names (BARRIERS) of what took hold.

    Parameters
    ----------
    keep
        Descriptors that stay open beside the standard three.
    parent_id
        Process to end with; a child whose parent is gone already exits here.
    memory_bytes
        Address space allowed on top of what is mapped now.
    cpu_s
        CPU time allowed over the life of the process.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _close_others(keep)
    steps: tuple[Callable[[], bool], ...] = (
        lambda: _leave_network(libc),
        _leave_root,
        lambda: _limit(max(keep), memory_bytes, cpu_s),
        lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0,
        lambda: libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0,
        lambda: libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        landlock.install,
    )
    taken = [name for name, step in zip(BARRIERS, steps, strict=False) if step()]
    if os.getppid() != parent_id:
        os._exit(1)
    if seccomp.install():
        taken.append(BARRIERS[-1])
    return taken


def _close_others(keep: tuple[int, ...]) -> None:
    edges = [2, *sorted(keep), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]
    for low, high in itertools.pairwise(edges):
        os.closerange(low + 1, high)


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Move to a network namespace without any interface; unprivileged through a user namespace."""
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )


def _leave_root() -> bool:
    if os.geteuid() != 0:
        return True
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    return os.geteuid() != 0


def _limit(highest_descriptor: int, memory_bytes: int, cpu_s: int) -> bool:
    """Set the limits; at the soft CPU limit comes SIGXCPU, which tells the parent why."""
    mapped_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    descriptors = highest_descriptor + _SPARE_DESCRIPTORS
    wanted = (
        (resource.RLIMIT_AS, mapped_bytes + memory_bytes, 0),
        (resource.RLIMIT_CPU, cpu_s, 5),
        (resource.RLIMIT_NOFILE, descriptors, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
    )
    try:
        for which, soft, slack in wanted:
            resource.setrlimit(which, (soft, soft + slack))
    except (OSError, ValueError):
        return False
    return True
