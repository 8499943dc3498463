"""Opening what may be decoded: regular files only, and every way to fail in plain words."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dsp.errors import Refusal

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path) -> int:
    """Open a regular file for reading; a pipe or a device is refused without being waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise Refusal(
            "file.not_found",
            expected="an audio file",
            got=f"no file at {path}",
            advice="checking the spelling of the path",
        ) from None
    except PermissionError:
        raise Refusal(
            "file.permission",
            expected="a file that may be read",
            got=f"{path}, which this user may not read",
            advice="chmod +r on the file, or running as its owner",
            exit_code=4,
        ) from None
    except (OSError, ValueError) as error:
        raise Refusal(
            "file.unreadable",
            expected="a file that can be opened",
            got=f"{path}: {error}",
            advice="checking the path and the disk",
            exit_code=4,
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal(
            "file.not_a_file",
            expected="a regular file",
            got=f"{path}, a folder, pipe or device",
            advice="giving the path of one audio file",
        )
    return descriptor
