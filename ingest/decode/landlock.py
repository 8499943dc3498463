"""Landlock: no path of the file system for this process any more, whoever it is; landlock(7).

A rule set that handles every right the kernel knows and grants none. Descriptors that are open
already go on working. It needs no_new_privs and no other right, and is the second wall behind the
system-call filter, which refuses the opening itself.
"""

from __future__ import annotations

import ctypes
import os
import struct

# Alike on all architectures (system calls from 424 on).
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1
# How many of the rights LANDLOCK_ACCESS_FS_… a version of the interface knows; all later ones: 16.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_FILE_RIGHTS = 16
_TCP_SINCE, _BIND_AND_CONNECT = 4, 0b11
_SCOPE_SINCE, _SOCKETS_AND_SIGNALS = 6, 0b11


def rights(version: int) -> bytes:
    """Return struct landlock_ruleset_attr with all that the `version` of the interface can deny."""
    files = (1 << _FILE_RIGHTS.get(version, _MOST_FILE_RIGHTS)) - 1
    parts = [struct.pack("=Q", files)]
    if version >= _TCP_SINCE:
        parts.append(struct.pack("=Q", _BIND_AND_CONNECT))
    if version >= _SCOPE_SINCE:
        parts.append(struct.pack("=Q", _SOCKETS_AND_SIGNALS))
    return b"".join(parts)


def install() -> bool:
    """Deny this process all paths from now on; return False where the kernel cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    wanted = rights(version)
    rules = libc.syscall(_CREATE_RULESET, wanted, len(wanted), 0)
    if rules < 0:
        return False
    try:
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)
