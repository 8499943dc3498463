"""A system-call filter (seccomp-BPF) for a process that only computes.

A list of what is allowed, not of what is forbidden: everything else, now or in a future kernel,
answers EPERM. Allowed are memory, time, waiting, ending, and reading, seeking and messages on
descriptors already held. Not allowed, and therefore impossible: opening any path, sockets, starting
processes or threads, exec, ptrace, signals to others, and memory that is executable.

The filter is assembled by hand, about 60 instructions; see seccomp(2) and linux/filter.h.
Installing it needs no_new_privs and no other right.
"""

from __future__ import annotations

import ctypes
import platform
import struct

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NUMBER_AT, _ARCH_AT, _THIRD_ARGUMENT_AT = 0, 4, 32
_PROT_EXEC = 4
_X32_BIT = 0x40000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

# Name: number on x86_64 and on aarch64 (None: does not exist there).
_ALLOWED = {
    "read": (0, 63),
    "pread64": (17, 67),
    "readv": (19, 65),
    "write": (1, 64),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "newfstatat": (262, 79),  # how glibc 2.33 to 2.38 do fstat
    "statx": (332, 291),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "futex": (202, 98),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "select": (23, None),
    "pselect6": (270, 72),
    "poll": (7, None),
    "ppoll": (271, 73),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "membarrier": (324, 283),
    "rseq": (334, 293),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_WITHOUT_EXEC = {"mmap": (9, 222), "mprotect": (10, 226)}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def assemble(machine: str) -> bytes:
    """Return the filter for `machine` (x86_64 or aarch64) as BPF instructions of 8 bytes.

    Raises
    ------
    ValueError
        For any other machine: its system calls have other numbers.
    """
    if machine not in _MACHINES:
        raise ValueError(f"machine: expected one of {sorted(_MACHINES)}, got {machine!r}")
    column, audit_arch = _MACHINES[machine]
    program = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_JUMP_EQ, audit_arch, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_JUMP_GE, _X32_BIT, 0, 1),
        _instruction(_RETURN, _EPERM),
    ]
    for numbers in _ALLOWED.values():
        number = numbers[column]
        if number is not None:
            program += [
                _instruction(_JUMP_EQ, number, 0, 1),
                _instruction(_RETURN, _ALLOW),
            ]
    for numbers in _WITHOUT_EXEC.values():
        program += [
            _instruction(_JUMP_EQ, numbers[column], 0, 4),
            _instruction(_LOAD, _THIRD_ARGUMENT_AT),
            _instruction(_JUMP_SET, _PROT_EXEC, 0, 1),
            _instruction(_RETURN, _EPERM),
            _instruction(_RETURN, _ALLOW),
        ]
    program.append(_instruction(_RETURN, _EPERM))
    return b"".join(program)


def install() -> bool:
    """Filter this process from now on; return False where the machine or the kernel cannot."""
    try:
        code = assemble(platform.machine())
    except ValueError:
        return False
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0)
