"""Where compiled kernels are kept, and when they are stale.

The folder is named by a hash over all sources of `dsp` and the numba version, because numba does
not notice an edited constant of another module or a changed flag. Machine code lies there as
numba's own cache files and, for kernels whose types are said with `kernel_types`, as one file each
that can be loaded without numba (`kernel_loader.py`); that file's name holds the processor too.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

_FOLDER_MODE = 0o700
_CHECK_BYTES = 16
_ROOT = Path(__file__).parent


@functools.cache
def numba_version() -> str:
    """Version of numba, read from the name of its metadata folder: importing it takes 0.3 s."""
    spec = importlib.util.find_spec("numba")
    if spec is not None and spec.origin is not None:
        folders = Path(spec.origin).parent.parent.glob("numba-*.dist-info")
        names = [
            folder.name.removeprefix("numba-").removesuffix(".dist-info") for folder in folders
        ]
        if len(names) == 1:
            return names[0]
    import numba  # noqa: PLC0415 - only where its metadata cannot be found

    return str(numba.__version__)


@functools.cache
def source_digest() -> str:
    """Hash over the text of every module of `dsp` and the numba version."""
    digest = hashlib.blake2b(numba_version().encode(), digest_size=8)
    for path in sorted(_ROOT.rglob("*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Folder for compiled kernels: `NUMBA_CACHE_DIR`, the user's cache, or a temporary one."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "loa" / "kernels" / source_digest()
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="loa-kernels-"))
    return folder


def code_path(function: Any, signature: Any, flags: frozenset[str], processor: str) -> Path:
    """Return the file for the machine code of a kernel."""
    source = Path(function.__code__.co_filename)
    stamp = source_digest()
    if _ROOT not in source.parents:  # a kernel of a test: its text is not part of the digest
        with contextlib.suppress(OSError):
            found = source.stat()
            stamp += f"{found.st_mtime_ns} {found.st_size}"
    what = f"{function.__module__}.{function.__qualname__} {signature} {sorted(flags)}"
    name = hashlib.blake2b(f"{stamp} {what} {processor}".encode(), digest_size=16).hexdigest()
    return cache_folder() / f"{function.__name__}-{name}.code"


def keep(path: Path, parts: tuple[bytes, ...]) -> None:
    """Write a cache file that appears whole or not at all; a full disk is no error."""
    content = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".code-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(_check(content) + content)
        Path(name).replace(path)


def kept(path: Path) -> tuple[bytes, ...] | None:
    """Return what `keep` wrote; None where there is nothing, or something else."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    check, left = found[:_CHECK_BYTES], found[_CHECK_BYTES:]
    if check != _check(left):
        return None
    parts = []
    while left:
        size = int.from_bytes(left[:8], "little")
        parts.append(left[8 : 8 + size])
        left = left[8 + size :]
    return tuple(parts)


def _check(content: bytes) -> bytes:
    """Tell damage from code: LLVM trusts what it is given to link."""
    return hashlib.blake2b(content, digest_size=_CHECK_BYTES).digest()
