"""Deviation profiles by name, or from a TOML file of one's own.

name = "vn-54-68"
rated_deviation_hz = 50000
pre_emphasis_us = 50
over_limit_hz = 52000                       # optional: rated + 2 kHz
[limit.peak_deviation_hz]
value = 50000
unit = "Hz"
source = "licence 123/GP"
verified = true
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsp.errors import Refusal
from dsp.fm.profiles import PROFILES, FmProfile, Limit
from dsp.typed_table import TableReader

_READER = TableReader("profile")
_MOST_BYTES = 100_000
_KEYS = ("name", "rated_deviation_hz", "pre_emphasis_us", "over_limit_hz", "limit")


def load_fm_profile(name_or_path: str, folder: Path | None = None) -> FmProfile:
    """Return the profile of that name, or of the TOML file at that path (relative to `folder`).

    Raises
    ------
    Refusal
        "profile.missing", "profile.toml", "profile.key", "profile.value".
    """
    if name_or_path in PROFILES:
        return PROFILES[name_or_path]
    path = (folder or Path()) / name_or_path
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Refusal(
            "profile.missing",
            expected=f"{', '.join(PROFILES)} or the path of a profile",
            got=name_or_path[:200],
            advice='profile = "75k50us"',
        ) from error
    if len(content) > _MOST_BYTES:
        raise _READER.bad_value(path.name, f"at most {_MOST_BYTES} bytes", "more than that")
    return parse_fm_profile(content)


def parse_fm_profile(content: bytes) -> FmProfile:
    """Return the profile in the bytes of a TOML file; raises as `load_fm_profile` does."""
    table = _READER.parse(content)
    _READER.check_keys("the profile", table, _KEYS, _KEYS[:3])
    limits = _READER.table_of("limit", table.pop("limit", {}))
    read: dict[str, Any] = {
        "limits": {key: _READER.read(f"limit.{key}", value, Limit) for key, value in limits.items()}
    }
    kinds = {"name": str}
    for key, value in table.items():
        read[key] = _READER.convert(key, value, kinds.get(key, float))
    try:
        return FmProfile(**read)
    except ValueError as error:
        raise _READER.bad_value("the profile", "values in range", str(error)) from error
