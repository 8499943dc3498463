"""Which release of Loa this is."""

from __future__ import annotations

import functools
import sys
from pathlib import Path


@functools.cache
def loa_version() -> str:
    """Version of the installed distribution.

    Read from the name of its metadata folder: `importlib.metadata` takes as long to import as a
    short file takes to measure, and is asked only where there is no such folder.
    """
    for entry in sys.path:
        for folder in Path(entry).glob("loa-*.dist-info"):
            return folder.name.removeprefix("loa-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("loa")
