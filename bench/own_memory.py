"""The memory of a process that is its own, for benches that ask whether it grows."""

from __future__ import annotations

from pathlib import Path

_OWN = {"RssAnon", "RssShmem", "VmSwap"}


def own_mb(process_id: int | str = "self") -> float:
    """Return the memory of a process in MB (10⁶ bytes), also what the kernel has put aside of it.

    Pages of files, libraries above all, are left out: they come and go as the kernel likes, by ten
    megabytes and more in a day. What forked processes share is counted with each of them.

    Raises
    ------
    OSError
        There is no such process.
    """
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines()
    words = (line.partition(":") for line in lines)
    kilobytes = sum(int(rest.split()[0]) for name, _, rest in words if name in _OWN)
    return kilobytes * 1024 / 1e6
