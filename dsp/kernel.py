"""How a kernel is declared, compiled and cached.

`@kernel(signature, …)` only declares. `ready(…)` loads the code from the cache, or compiles
the declared signatures, and then refuses every other type, so that a wrong dtype raises instead of
stalling a stream for seconds. Block constructors call `ready` for the kernels they use; `warm_up()`
does it for every kernel imported so far, once, before workers start.

numba is imported only where something must be compiled: a command whose kernels are all in the
cache starts 0.4 s earlier. That holds for signatures given as strings or with `dsp.kernel_types`;
with types of numba's own the module that names them has imported it already.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any

from dsp import kernel_loader
from dsp.kernel_cache import cache_folder, code_path, keep, kept, source_digest
from dsp.kernel_types import Signature, parse

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cache_folder", "inlined", "kernel", "ready", "source_digest", "warm_up"]


@functools.cache
def _numba() -> Any:
    """Import numba, with our cache folder and without BLAS, which no kernel of ours uses.

    Looking for BLAS would import scipy.linalg: a tenth of a second of every command. A kernel that
    multiplied matrices would be told so by numba in plain words.
    """
    modules: dict[str, Any] = sys.modules
    hidden = "scipy.linalg" not in modules
    if hidden:
        modules["scipy.linalg"] = None
    try:
        numba = importlib.import_module("numba")
        importlib.import_module("numba.np.arraymath")
    finally:
        if hidden:
            del modules["scipy.linalg"]
    vars(importlib.import_module("numba.core.config"))["CACHE_DIR"] = str(cache_folder())
    return numba


class Kernel:
    """A declared kernel: call it like the function it was made from.

    Attributes
    ----------
    py_func
        That function, in plain Python.
    """

    def __init__(
        self, function: Any, signatures: tuple[Any, ...], fastmath: frozenset[str]
    ) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._fastmath = fastmath
        self._signatures = tuple(parse(s) if isinstance(s, str) else s for s in signatures)
        self._entries: list[tuple[Signature, Callable[..., Any]]] = []
        self._call: Callable[..., Any] = self._first_call

    def __call__(self, *arguments: Any) -> Any:
        """Run it; TypeError for arguments of any type that was not declared."""
        return self._call(*arguments)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What numba makes of the function; not compiled yet."""
        jit = _numba().njit(
            cache=True,
            nogil=True,
            error_model="numpy",
            fastmath=set(self._fastmath) if self._fastmath else False,
        )
        return jit(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        """How numba sees a kernel that another kernel calls."""
        return _numba().typeof(self.dispatcher)

    def make_ready(self) -> None:
        """Load or compile every signature, and take no other from then on."""
        if not all(isinstance(signature, Signature) for signature in self._signatures):
            for signature in self._signatures:
                self.dispatcher.compile(_for_numba(signature))
            self.dispatcher.disable_compile()
            self._call = self.dispatcher
            return
        self._entries = [(signature, self._entry(signature)) for signature in self._signatures]
        self._call = self._checked_call

    def _first_call(self, *arguments: Any) -> Any:
        ready(self)
        return self._call(*arguments)

    def _checked_call(self, *arguments: Any) -> Any:
        for signature, entry in self._entries:
            if signature.fits(arguments):
                return entry(*arguments)
        got = ", ".join(_described(argument) for argument in arguments)
        raise TypeError(f"{self.py_func.__name__}: No matching definition for ({got})")

    def _entry(self, signature: Signature) -> Callable[..., Any]:
        path = code_path(self.py_func, signature, self._fastmath, kernel_loader.processor())
        found = kept(path)
        if found is not None and len(found) == 3:
            code, wrapper, environment = found
            entry = kernel_loader.load(self.py_func, code, wrapper.decode(), environment.decode())
            if entry is not None:
                return entry
        numba = _numba()
        wanted = signature.as_numba(numba.types)
        self.dispatcher.compile(wanted)
        compiled = self.dispatcher.overloads[wanted.args]
        keep(path, _portable(compiled))
        entry_of_numba: Callable[..., Any] = compiled.entry_point
        return entry_of_numba


def _for_numba(signature: Any) -> Any:
    return signature.as_numba(_numba().types) if isinstance(signature, Signature) else signature


def _portable(compiled: Any) -> tuple[bytes, ...]:
    """Return the parts of a compiled function that `kernel_loader.load` needs; none if unknown."""
    try:
        _, _, (code, _) = compiled.library.serialize_using_object_code()
        described = compiled.fndesc
        names = (described.llvm_cpython_wrapper_name, described.env_name)
    except Exception:  # noqa: BLE001 - it will be compiled again, nothing is lost
        return ()
    return (bytes(code), *(name.encode() for name in names))


def _described(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{dtype} {getattr(value, 'shape', ())}"


_DECLARED: list[Kernel] = []
_READY: set[Kernel] = set()


def kernel(*signatures: Any, fastmath: frozenset[str] = frozenset()) -> Callable[[Any], Any]:
    """Declare a kernel for one or more `signatures` (of `dsp.kernel_types`, strings, or numba's).

    `fastmath` names the LLVM flags a kernel may use; each use stands beside a tolerance test.
    "nnan" and "ninf" are refused: streams do meet them.
    """
    if fastmath & {"nnan", "ninf", "fast"}:
        raise ValueError(f"fastmath: expected no nnan, ninf or fast, got {sorted(fastmath)}")

    def declare(function: Any) -> Any:
        declared = Kernel(function, signatures, fastmath)
        _DECLARED.append(declared)
        return declared

    return declare


class Inlined:
    """A small function that kernels call; numba puts its body in the place of the call.

    numba knows it by its `targetoptions`, and asks for its type although no call of it is left. It
    takes types and flags from the caller.
    """

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.targetoptions = {"inline": "always", "error_model": "numpy"}

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What numba makes of it; kept, because its type only refers to it."""
        return _numba().njit(**self.targetoptions)(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        return _numba().typeof(self.dispatcher)

    def __call__(self, *arguments: Any) -> Any:
        """Run it in plain Python."""
        return self.py_func(*arguments)


def inlined(function: Any) -> Any:
    """Declare a small function that kernels call."""
    return Inlined(function)


def ready(*kernels: Any) -> None:
    """Load or compile the declared signatures of `kernels` and lock them against any other type."""
    for declared in kernels:
        if declared not in _READY:
            declared.make_ready()
            _READY.add(declared)


def warm_up() -> int:
    """Make every kernel imported so far ready; return how many there are."""
    ready(*_DECLARED)
    return len(_DECLARED)
