"""Machine code that numba made earlier, loaded without numba.

Importing numba and letting it load its cache takes 0.4 s, most of a short command. What is needed
is only LLVM's linker (llvmlite, 40 ms) and three small extension modules of numba that its compiled
functions call into: memory, helpers, and the Python object around a compiled function. They are
loaded under their own names, so that numba, imported later, finds the same ones.

This knows numba's insides (pyproject pins the version). Wherever one thing is not as expected,
`load` returns None and the caller goes through numba itself.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_EXTENSIONS = {
    "numba._dynfunc": "numba_",
    "numba._helperlib": "numba_",
    "numba.core.runtime._nrt_python": "NRT_",
}


@functools.cache
def processor() -> str:
    """Name and features of the processor that code is made for here."""
    from llvmlite import binding  # noqa: PLC0415 - 40 ms that only a kernel's user pays

    features = binding.get_host_cpu_features().flatten()
    return f"{binding.get_default_triple()} {binding.get_host_cpu_name()} {features}"


def load(function: Any, code: bytes, wrapper: str, environment: str) -> Callable[..., Any] | None:
    """Return the compiled `function` as a Python function, or None if it cannot be had.

    `code` is an object file in which `wrapper` names the entry from Python and `environment` the
    variable that points to the function's environment. The entry does not check what it is given.
    """
    try:
        return _linked(function, code, wrapper, environment)
    except Exception:  # noqa: BLE001 - whatever it is, numba itself is the answer to it
        return None


def _linked(function: Any, code: bytes, wrapper: str, environment: str) -> Any:
    linker = _linker()
    linker.add(code)
    address, place = linker.address(wrapper), linker.address(environment)
    if not address or not place:
        return None
    dynamic = sys.modules["numba._dynfunc"]
    around = dynamic.Environment(function.__globals__)
    ctypes.c_void_p.from_address(place).value = id(around)  # kept alive by what is made below
    return dynamic.make_function(
        sys.modules[function.__module__],
        function.__name__,
        function.__doc__ or "",
        address,
        around,
        (linker, around),
    )


class _Linker:
    """LLVM's run-time linker for object files."""

    def __init__(self) -> None:
        from llvmlite import binding  # noqa: PLC0415 - see `processor`

        self._binding = binding
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        for name, prefix in _EXTENSIONS.items():
            for helper, address in _extension(name).c_helpers.items():
                own = prefix == "NRT_" and helper.startswith("_")
                binding.add_symbol(helper if own else prefix + helper, address)
        machine = binding.Target.from_default_triple().create_target_machine()
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)

    def add(self, code: bytes) -> None:
        """Link one more object file."""
        self._engine.add_object_file(self._binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return the address of a symbol, 0 if there is none."""
        return int(
            self._engine.get_function_address(name) or self._engine.get_global_value_address(name)
        )


@functools.cache
def _linker() -> _Linker:
    return _Linker()


def _extension(name: str) -> Any:
    """Return an extension module of numba without importing the package around it."""
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("numba")
    if package is None or package.origin is None:
        raise ImportError("numba: expected an installed package, got none")
    stem = Path(package.origin).parent.joinpath(*name.split(".")[1:])
    path = next(
        found for suffix in EXTENSION_SUFFIXES if (found := Path(f"{stem}{suffix}")).exists()
    )
    loader = ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ImportError(f"{name}: expected an extension module, got none at {path}")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if name.endswith("_nrt_python"):
        module.memsys_use_cpython_allocator()
    sys.modules[name] = module
    return module
