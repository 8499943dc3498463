"""How a kernel is declared, compiled and cached.

`@kernel(signature, …)` only declares. `ready(…)` compiles the declared signatures (or loads them
from the cache) and then refuses every other type, so that a wrong dtype raises instead of stalling
a stream for seconds. Block constructors call `ready` for the kernels they use; `warm_up()` does it
for every kernel imported so far, once, before workers start.

numba does not notice an edited constant of another module or a changed flag; therefore the cache
folder is named by a hash over all sources of `dsp` and is never stale.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from numba import njit
from numba.core import config

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER_MODE = 0o700


def source_digest() -> str:
    """Hash over the text of every module of `dsp` and the numba version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


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


vars(config)["CACHE_DIR"] = str(cache_folder())


def _load_array_functions() -> None:
    """Load numba's array functions without BLAS, which no kernel of ours uses.

    Looking for it would import scipy.linalg: a tenth of a second of every command. A kernel that
    multiplied matrices would be told so by numba in plain words.
    """
    if "scipy.linalg" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules["scipy.linalg"] = None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del modules["scipy.linalg"]


_load_array_functions()

_SIGNATURES: dict[Any, tuple[Any, ...]] = {}
_READY: set[Any] = set()


def kernel(*signatures: Any, fastmath: frozenset[str] = frozenset()) -> Callable[[Any], Any]:
    """Declare a kernel for one or more `signatures` (numba signatures or their strings).

    `fastmath` names the LLVM flags a kernel may use; each use stands beside a tolerance test.
    "nnan" and "ninf" are refused: streams do meet them.
    """
    if fastmath & {"nnan", "ninf", "fast"}:
        raise ValueError(f"fastmath: expected no nnan, ninf or fast, got {sorted(fastmath)}")

    def declare(function: Any) -> Any:
        flags = set(fastmath) if fastmath else False
        compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)(function)
        _SIGNATURES[compiled] = signatures
        return compiled

    return declare


def inlined(function: Any) -> Any:
    """Declare a small function that kernels call; it takes its types and flags from the caller."""
    return njit(inline="always", error_model="numpy")(function)


def ready(*kernels: Any) -> None:
    """Compile the declared signatures of `kernels` and lock them against any other type."""
    for compiled in kernels:
        if compiled in _READY:
            continue
        for signature in _SIGNATURES[compiled]:
            compiled.compile(signature)
        compiled.disable_compile()
        _READY.add(compiled)


def warm_up() -> int:
    """Make every kernel imported so far ready; return how many there are."""
    ready(*_SIGNATURES)
    return len(_SIGNATURES)
