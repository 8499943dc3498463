"""Loads soundfile without NumPy: the child reads into plain buffers, never into arrays.

soundfile names NumPy's types in its annotations and imports it for that, and typing_extensions for
one name that the language has by now: 0.08 s of CPU and 25 MB of every child. While soundfile is
imported both have stand-ins; whatever would really need NumPy fails loudly.
"""

from __future__ import annotations

import sys
import typing
from types import ModuleType


class _Named:
    """A type to be named and never used."""

    def __class_getitem__(cls, _: object) -> type[_Named]:
        return cls


def _stand_ins() -> dict[str, ModuleType]:
    numpy, extensions = ModuleType("numpy"), ModuleType("typing_extensions")
    for name in ("ndarray", "dtype", "float32", "float64", "int32", "int16"):
        setattr(numpy, name, type(name, (_Named,), {}))
    vars(extensions)["Self"] = typing.Self
    return {"numpy": numpy, "typing_extensions": extensions}


def load_soundfile() -> None:
    """Import soundfile, with stand-ins for what is not imported already."""
    placed = {name: made for name, made in _stand_ins().items() if name not in sys.modules}
    sys.modules.update(placed)
    try:
        import soundfile
    except (AttributeError, ImportError, TypeError):
        # Another soundfile than we know: it gets the real ones.
        for name in ("soundfile", *placed):
            sys.modules.pop(name, None)
        import soundfile  # noqa: F401
    finally:
        for name, made in placed.items():
            if sys.modules.get(name) is made:
                del sys.modules[name]
